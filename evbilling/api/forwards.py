"""``chargers/{id}/forward/``: copies of a charger's messages for a second central system."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment
from stations.models import Charger, Forward, ForwardMode, ForwardState
from stations.selectors import forwards
from stations.services import forwarding
from users.access import Action, may


class ForwardSerializer(serializers.Serializer[Forward]):
    """``password`` is kept where it is left out and taken away where it is empty; it is never shown.

    ``last_error`` begins with a word: http, refused, unknown_name, timeout, certificate, tls,
    no_websocket, forbidden, boot, closed, no_answer, nonsense, not_reached.
    """

    url = serializers.CharField(max_length=500)
    identity = serializers.CharField(
        max_length=48, required=False, allow_blank=True, help_text="Left out: the charger's own id."
    )
    password = serializers.CharField(
        write_only=True, required=False, allow_blank=True, max_length=128, trim_whitespace=False
    )
    has_password = serializers.SerializerMethodField()
    ca_pem = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    mode = serializers.ChoiceField(choices=ForwardMode.choices, required=False)
    enabled = serializers.BooleanField(required=False)
    state = serializers.ChoiceField(choices=ForwardState.choices, read_only=True)
    state_at = Moment(read_only=True)
    tried_at = Moment(read_only=True, allow_null=True)
    connected_at = Moment(read_only=True, allow_null=True)
    last_error = serializers.CharField(read_only=True)
    boot_answer = serializers.DictField(read_only=True, allow_null=True)
    wishes = serializers.DictField(read_only=True)
    sent = serializers.IntegerField(read_only=True)
    answered = serializers.IntegerField(read_only=True)
    dropped = serializers.IntegerField(read_only=True)

    def get_has_password(self, row: Forward) -> bool:
        return bool(row.password_sealed)


@extend_schema(tags=["chargers"])
class ForwardEndpoint(ChargerEndpoint):
    serializer_class = ForwardSerializer

    def row(self, charger: Charger) -> Forward:
        found = forwards.of_charger(charger)
        if found is None:
            raise forwarding.NoForward
        return found


class ForwardDetail(ForwardEndpoint):
    """Where the copies go. PUT begins to forward, or changes how."""

    actions: ClassVar = {
        "GET": Action.VIEW,
        "PUT": Action.EDIT_CHARGER,
        "DELETE": Action.EDIT_CHARGER,
    }

    def get(self, request: Request, charge_point_id: str) -> Response:
        return self.answer(self.row(self.charger(charge_point_id)))

    def put(self, request: Request, charge_point_id: str) -> Response:
        charger = self.charger(charge_point_id)
        fields: Any = self.body()
        inside = may(self.admin, Action.FORWARD_INSIDE)
        row = forwarding.set_up(charger, fields, actor=self.actor, may_inside=inside)
        return self.answer(row)

    def delete(self, request: Request, charge_point_id: str) -> Response:
        """Nothing more is forwarded; the password and that side's numbers are forgotten."""
        forwarding.remove(self.charger(charge_point_id), actor=self.actor)
        return Response(status=204)


class TryForward(ForwardEndpoint):
    """Dial now. GET the forward afterwards: ``tried_at`` moves, then ``state`` and ``last_error``."""

    actions: ClassVar = {"POST": Action.EDIT_CHARGER}

    @extend_schema(request=None, responses={202: ForwardSerializer})
    def post(self, request: Request, charge_point_id: str) -> Response:
        row = forwarding.ask(self.charger(charge_point_id), actor=self.actor)
        return self.answer(row, 202)
