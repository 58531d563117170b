"""The back office: pages for admins."""
