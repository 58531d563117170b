"""Celery: bulk, slow and outside work. Never the only carrier of a fact; every job may run twice."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evbilling.settings")

app = Celery("evbilling")
app.config_from_object("django.conf:settings", namespace="CELERY")

# Every periodic job of the product: name, task, seconds.
PERIODIC: tuple[tuple[str, str, float], ...] = (
    ("payments and refunds", "evbilling.tasks.look_at_payments", 5),
    ("frame partitions", "evbilling.tasks.make_frame_partitions", 6 * 3600),
    ("frame retention", "evbilling.tasks.drop_old_frames", 6 * 3600),
    ("ledger proof", "evbilling.tasks.prove_ledger", 6 * 3600),
    ("monthly bills", "evbilling.tasks.make_statements", 3600),
    ("fact retention", "evbilling.tasks.drop_old_facts", 24 * 3600),
    ("certificate renewal", "evbilling.tasks.renew_certificates", 3600),
    ("security event retention", "evbilling.tasks.drop_old_security_events", 24 * 3600),
    ("file retention", "evbilling.tasks.remove_old_files", 3600),
    ("card lists", "evbilling.tasks.look_at_card_lists", 15 * 60),
    ("configuration read again", "evbilling.tasks.read_configurations", 300),
    ("one-time codes", "evbilling.tasks.send_due_codes", 10),
    ("member retention", "evbilling.tasks.forget_members", 24 * 3600),
    ("messages", "evbilling.tasks.send_messages", 3),
    ("running charges", "evbilling.tasks.tell_of_running", 30),
    ("LINE quota", "evbilling.tasks.read_line_quota", 6 * 3600),
    ("LINE retention", "evbilling.tasks.forget_line", 24 * 3600),
    ("sign-in retention", "evbilling.tasks.drop_old_sign_ins", 24 * 3600),
)

app.conf.update(
    imports=["evbilling.tasks"],
    beat_schedule={name: {"task": task, "schedule": every} for name, task, every in PERIODIC},
    task_ignore_result=True,
    task_time_limit=60,
    task_acks_late=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    timezone="UTC",
)
