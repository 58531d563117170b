"""Forms that look like the rest of the back office."""

from typing import Any

from django import forms


class Form(forms.Form):
    """A form whose controls carry Tabler's classes; templates show them with ``components/field.html``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for field in self.fields.values():
            css = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
            field.widget.attrs.setdefault("class", css)
