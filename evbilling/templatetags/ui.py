"""How things are shown: money, energy, time, states."""

from django import template

register = template.Library()
