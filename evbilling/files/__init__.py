"""Files to and from chargers over HTTP, before Django: it would read a whole body before any view."""
