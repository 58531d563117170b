"""All settings in one typed file. What may differ between machines comes from the environment."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from evbilling.env import (
    BASE_DIR,
    data_dir,
    env,
    env_bool,
    env_int,
    env_together,
    mail_settings,
    secret_key,
    url_of,
)

BASE_FOLDER: Path = BASE_DIR
DATA_DIR: Path = data_dir()
SECRET_KEY: str = secret_key()
DEBUG: bool = env_bool("DEBUG", False)
TESTING: bool = env_bool("EVBILLING_TESTING", False)
DEMO: bool = env_bool("DEMO", False)  # make demo: example data, logins shown on start
DEMO_CONTROL_PORT: int = env_int("DEMO_CONTROL_PORT", 0)  # the simulator's, on this machine
PUBLIC_URL: str = env("PUBLIC_URL") or f"http://127.0.0.1:{env_int('PORT', 8000)}"
HTTPS: bool = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS: list[str] = (env("ALLOWED_HOSTS") or "*").split(",")
CSRF_TRUSTED_ORIGINS: list[str] = [PUBLIC_URL]
TRUSTED_PROXIES: list[str] = [p for p in (env("TRUSTED_PROXIES") or "").split(",") if p]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "users",
    "stations",
    "billing",
    "meaoscp",
    "evbilling",
]

if "runserver" in sys.argv[1:2]:
    # For this command only: importing it costs every start 0.25 s.
    INSTALLED_APPS.insert(0, "daphne")

MIDDLEWARE = [
    "evbilling.middleware.RequestId",
    "evbilling.middleware.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "evbilling.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "evbilling.middleware.DomainErrors",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "evbilling.urls"
ASGI_APPLICATION = "evbilling.asgi.application"
APPEND_SLASH = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "evbilling.context.shell",
            ],
            "builtins": ["evbilling.templatetags.ui", "django.templatetags.i18n"],
        },
    }
]

# --- state -----------------------------------------------------------------------------------
DATABASE_URL: str = url_of("DATABASE_URL") or "postgres:///evbilling"
REDIS_URL: str = url_of("REDIS_URL") or "redis://127.0.0.1:6379/0"

DATABASES: dict[str, Any] = {
    "default": {
        **dj_database_url.parse(DATABASE_URL),
        # A thread that ends would leak a kept connection; processes with lasting threads (web by
        # evbilling/threads.py, sockets, deliver, worker) raise this for themselves.
        "CONN_MAX_AGE": env_int("CONN_MAX_AGE", 0),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})["application_name"] = env(
    "PROCESS_NAME", "evbilling"
)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "evbilling",
    }
}

# kombu's names for a socket and for the number of a database behind it
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace(
    "?db=", "?virtual_host=", 1
)

# --- who ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.Admin"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "users.signin.AdminBackend",
]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "overview"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    *(["django.contrib.auth.hashers.MD5PasswordHasher"] if TESTING else []),
]
if TESTING:
    PASSWORD_HASHERS.reverse()
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# A mall or an office is one NAT address: a person is locked out by name; an address only after
# many failures over all names.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "evbilling.middleware.client_address"
SIGN_IN_FAILURES_PER_ADDRESS = 30  # in AXES_COOLOFF_TIME
SILENCED_SYSTEM_CHECKS = [
    "axes.W006",  # addresses have a limit of their own, the line above
    "auth.W004",  # user names are unique without regard to case, by a constraint
]

# One-time codes by SMS: thaibulksms, console, file; nothing: nobody signs in by phone.
SMS_BACKEND: str = env("SMS_BACKEND") or ("file" if DEMO else "")
SMS_KEY: str = env("SMS_KEY") or ""
SMS_SECRET: str = env("SMS_SECRET") or ""
SMS_SENDER: str = env("SMS_SENDER") or ""
SMS_DIR: Path = Path(env("SMS_DIR") or DATA_DIR / "sms")
SMS_COUNTRIES: list[str] = (env("SMS_COUNTRIES") or "TH").split(",")
SMS_PER_DAY: int = env_int("SMS_PER_DAY", 2000)  # of the whole installation: a flood ends here

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "evbilling.views.csrf_failed"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

# --- words and time ---------------------------------------------------------------------------
LANGUAGE_CODE = "th"
LANGUAGES = [("th", "ไทย"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCAL_ZONE = "Asia/Bangkok"

# --- static files ------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT") or BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or TESTING
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = DEBUG or TESTING  # a test client must not list all files anew

# --- API ------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "users.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["evbilling.api.permissions.ActionAllowed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "evbilling.api.pagination.Cursor",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "evbilling.api.errors.handle",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "DEFAULT_THROTTLE_RATES": {"token": "600/min"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "evbilling",
    "DESCRIPTION": (
        "EV charging and billing.\n\n"
        "* **Sign in** with `Authorization: Token …` (`POST tokens/`, `manage.py create_token`).\n"
        "* **Values**: money as decimal strings in THB, energy in Wh, time in UTC (ISO 8601, `Z`).\n"
        '* **Lists** are `{"results", "next", "previous"}`; follow `next`, at most 500 rows a page.\n'
        '* **Refusals** are `{"code", "detail", "fields"}`: 400 cannot be read, 401 who are you, 403 not '
        "your right, 404 not there or not yours, 409 not now, 422 a field or a rule says no. `detail` "
        "follows `Accept-Language` (en, th); `code` never changes.\n"
        "* **Money moves once**: `Idempotency-Key` is required where money moves; the same key again "
        "gives the same answer."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # Fields of one name with different words: each set of words gets a name of its own.
    "ENUM_NAME_OVERRIDES": {
        "AdminLevel": "users.models.Level",
        "CustomerLevel": "users.models.CustomerLevel",
        "PriceLevel": "billing.models.PriceLevel",
        "CardStatus": "users.models.CardStatus",
        "ConnectorStatus": "stations.models.ConnectorStatus",
        "SessionStatus": "stations.models.SessionStatus",
        "CommandStatus": "stations.models.CommandStatus",
        "TransferKind": "stations.models.TransferKind",
        "TransferState": "stations.models.TransferState",
        "UploadState": "stations.models.UploadState",
        "CampaignKind": "stations.models.CampaignKind",
        "CampaignState": "stations.models.CampaignState",
        "CampaignTargetState": "stations.models.TargetState",
        "ForwardMode": "stations.models.ForwardMode",
        "ForwardState": "stations.models.ForwardState",
        "CommandOutcome": "evbilling.api.waiting.FINAL",
        "Period": "evbilling.api.explained.PERIODS",
        "PeriodNow": "evbilling.api.tariffs.PERIODS_NOW",
        "PaymentState": "billing.models.PaymentState",
        "PaymentMethod": "billing.models.payment.METHODS",
        "HandMethod": "evbilling.api.statements.METHODS",
        "RefundState": "billing.models.RefundState",
        "StatementState": "billing.models.StatementState",
        "StatementLineKind": "evbilling.api.statements.LINE_KINDS",
        "DocumentKind": "billing.models.DocumentKind",
        "DocumentState": "billing.models.DocumentState",
        "AccountKind": "billing.models.AccountKind",
        "AcceptanceState": "meaoscp.models.RunState",
        "AcceptanceStepState": "meaoscp.models.StepState",
    },
}

# --- logs: one JSON object per line on stdout --------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "evbilling.logs.JsonFormatter"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
        }
    },
    "root": {"handlers": ["stdout"], "level": env("LOG_LEVEL") or "INFO"},
    "loggers": {
        "uvicorn.access": {"level": "WARNING"},
        "uvicorn.error": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # would write every URL, and some URLs are secrets
        "fontTools": {"level": "WARNING"},  # tells of every table of every font in a PDF
        "django.request": {"level": "ERROR"},
    },
}

# --- chargers ----------------------------------------------------------------------------------------
OCPP_PORT: int = env_int("OCPP_PORT", 9000)
# Chargers over TLS: a port of their own beside the plain one, or OCPP_PORT itself with TLS_CERT.
OCPP_TLS_PORT: int = env_int("OCPP_TLS_PORT", 0)
TLS_CERT: str = env("TLS_CERT") or ""
TLS_KEY: str = env("TLS_KEY") or ""
# Whether chargers reach us over TLS at all: by a port of ours, or by a proxy that speaks it.
OCPP_TLS: bool = bool(OCPP_TLS_PORT or TLS_CERT) or env_bool("OCPP_TLS", False)
SECURITY_EVENT_DAYS: int = env_int("SECURITY_EVENT_DAYS", 365)
OCPP_MAX_FRAME_BYTES: int = env_int("OCPP_MAX_FRAME_BYTES", 1024 * 1024)
OCPP_HEARTBEAT_SECONDS: int = env_int("OCPP_HEARTBEAT_SECONDS", 60)
OCPP_CALL_TIMEOUT_SECONDS: int = env_int("OCPP_CALL_TIMEOUT_SECONDS", 30)
OCPP_PING_SECONDS: float = float(env("OCPP_PING_SECONDS", "20") or 20)
OCPP_PING_TIMEOUT_SECONDS: float = float(env("OCPP_PING_TIMEOUT_SECONDS", "30") or 30)
FRAME_LOG_DAYS: int = env_int("FRAME_LOG_DAYS", 90)

# --- files to and from chargers ------------------------------------------------------------------------
FILES_DIR: Path = DATA_DIR / "files"
FIRMWARE_MAX_BYTES: int = env_int("FIRMWARE_MAX_BYTES", 512 * 1024 * 1024)
UPLOAD_MAX_BYTES: int = env_int("UPLOAD_MAX_BYTES", 100 * 1024 * 1024)  # what a charger may send
UPLOAD_KEEP_DAYS: int = env_int("UPLOAD_KEEP_DAYS", 90)

# --- telling people -------------------------------------------------------------------------------------
_line = env_together("LINE", "LINE_CHANNEL_ACCESS_TOKEN", "LINE_CHANNEL_SECRET")
_login = env_together("LINE Login", "LINE_LOGIN_CHANNEL_ID", "LINE_LOGIN_CHANNEL_SECRET")
LINE_CHANNEL_ACCESS_TOKEN: str = _line["LINE_CHANNEL_ACCESS_TOKEN"]
LINE_CHANNEL_SECRET: str = _line["LINE_CHANNEL_SECRET"]
LINE_LOGIN_CHANNEL_ID: str = _login["LINE_LOGIN_CHANNEL_ID"]
LINE_LOGIN_CHANNEL_SECRET: str = _login["LINE_LOGIN_CHANNEL_SECRET"]
LINE_BOT_BASIC_ID: str = env("LINE_BOT_BASIC_ID") or ""  # @name of the official account
LINE_API_URL: str = env("LINE_API_URL") or "https://api.line.me"
LINE_ACCESS_URL: str = env("LINE_ACCESS_URL") or "https://access.line.me"
if LINE_LOGIN_CHANNEL_ID and not LINE_CHANNEL_ACCESS_TOKEN:
    raise ImproperlyConfigured(
        "LINE Login is set up, but LINE_CHANNEL_ACCESS_TOKEN and LINE_CHANNEL_SECRET are missing: "
        "without them nothing can be sent."
    )
_mail = mail_settings(env("EMAIL_URL") or "", env("EMAIL_FROM") or "")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST: str = _mail.host  # '': no e-mail is sent
EMAIL_PORT: int = _mail.port
EMAIL_HOST_USER: str = _mail.user
EMAIL_HOST_PASSWORD: str = _mail.password
EMAIL_USE_TLS: bool = _mail.start_tls
EMAIL_USE_SSL: bool = _mail.tls
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL: str = _mail.sender
# --- payment gateways: the operator's own accounts; legal entities may have theirs ---------------------
OMISE_PUBLIC_KEY: str = env("OMISE_PUBLIC_KEY") or ""
OMISE_SECRET_KEY: str = env("OMISE_SECRET_KEY") or ""
OMISE_WEBHOOK_SECRET: str = env("OMISE_WEBHOOK_SECRET") or ""
OMISE_WEBHOOK_SECRET_OLD: str = env("OMISE_WEBHOOK_SECRET_OLD") or ""
OMISE_CAPABILITIES: str = env("OMISE_CAPABILITIES") or ""  # JSON: what the account does otherwise
OMISE_API_URL: str = env("OMISE_API_URL") or "https://api.omise.co"
OMISE_VAULT_URL: str = env("OMISE_VAULT_URL") or "https://vault.omise.co"
OMISE_SCRIPT_URL: str = env("OMISE_SCRIPT_URL") or "https://cdn.omise.co/omise.js"
SCB_API_KEY: str = env("SCB_API_KEY") or ""
SCB_API_SECRET: str = env("SCB_API_SECRET") or ""
SCB_BILLER_ID: str = env("SCB_BILLER_ID") or ""
SCB_REF3: str = env("SCB_REF3") or "SCB"
SCB_CAPABILITIES: str = env("SCB_CAPABILITIES") or ""
SCB_API_URL: str = env("SCB_API_URL") or "https://api-sandbox.partners.scb/partners/sandbox"
DEMO_BANK_URL: str = env("DEMO_BANK_URL") or ""  # where a person plays the bank in the demo
