"""Every order of OCPP 1.6 and its security extension as a form, in the order a person looks for it."""

from django.utils.translation import gettext_lazy as _

from evbilling.backoffice.orders import Field, Order, Text

CONNECTOR = Field("connectorId", _("Connector"), "connector")
WHOLE = Field("connectorId", _("Connector"), "connector", whole=True)
PROFILE = "csChargingProfiles"
SCHEDULE = f"{PROFILE}.chargingSchedule"
UNITS = (("A", _("amperes per phase (A)")), ("W", _("watts in all (W)")))
PURPOSES = (
    ("TxDefaultProfile", _("every charge (TxDefaultProfile)")),
    ("TxProfile", _("one charge (TxProfile)")),
    ("ChargePointMaxProfile", _("the whole charger (ChargePointMaxProfile)")),
)
ROOTS = (
    ("CentralSystemRootCertificate", _("for this system (CentralSystemRootCertificate)")),
    ("ManufacturerRootCertificate", _("for firmware (ManufacturerRootCertificate)")),
)
RETRIES = (
    Field("retries", _("Tries"), "number", required=False),
    Field("retryInterval", _("Seconds between tries"), "number", required=False),
)

CHARGING = (
    Order(
        "RemoteStartTransaction",
        _("Start a charge"),
        "player-play",
        _("Starts as if this card were tapped; its holder pays."),
        (
            Field("connectorId", _("Connector"), "connector", required=False),
            Field(
                "idTag",
                _("Card"),
                "card",
                most=20,
                help=_("Choose a card, or type an id of at most 20 characters."),
            ),
        ),
    ),
    Order(
        "RemoteStopTransaction",
        _("Stop a charge"),
        "square",
        _("Ends a running charge. What was drawn is billed."),
        (Field("transactionId", _("Charge"), "session"),),
        asks=_("Somebody's charge will end now. Stop it?"),
    ),
    Order(
        "UnlockConnector",
        _("Unlock the connector"),
        "lock-open",
        _("Frees a cable that is stuck. A running charge ends first."),
        (CONNECTOR,),
    ),
    Order(
        "Reset",
        _("Restart the charger"),
        "refresh",
        _("Soft: ends charges properly, then restarts. Hard: at once, like pulling the plug."),
        (
            Field(
                "type",
                _("How"),
                "choice",
                (("Soft", _("Soft")), ("Hard", _("Hard"))),
            ),
        ),
        asks=_("A hard reset cuts every running charge off at once. Do it?"),
    ),
    Order(
        "ChangeAvailability",
        _("Open or close"),
        "toggle-left",
        _("Closed, the charger itself refuses new charges; a running one goes on to its end."),
        (
            WHOLE,
            Field(
                "type",
                _("Availability"),
                "choice",
                (("Operative", _("Open (Operative)")), ("Inoperative", _("Closed (Inoperative)"))),
            ),
        ),
    ),
    Order(
        "TriggerMessage",
        _("Ask for a message"),
        "message-2",
        _("The charger sends the chosen message again."),
        (
            Field(
                "requestedMessage",
                _("Message"),
                "choice",
                tuple(
                    (word, word)
                    for word in (
                        "StatusNotification",
                        "MeterValues",
                        "Heartbeat",
                        "BootNotification",
                        "FirmwareStatusNotification",
                        "DiagnosticsStatusNotification",
                    )
                ),
            ),
            Field("connectorId", _("Connector"), "connector", required=False),
        ),
    ),
)
SETTINGS = (
    Order(
        "GetConfiguration",
        _("Read the settings"),
        "list-details",
        _("All keys, or only those named. They are shown on the Communication tab."),
        (
            Field(
                "key",
                _("Keys"),
                "keys",
                required=False,
                help=_("Separated by commas; empty reads all."),
            ),
        ),
    ),
    Order(
        "ChangeConfiguration",
        _("Change a setting"),
        "settings",
        _("One key of the charger. Some take effect only after a restart."),
        (
            Field("key", _("Key"), most=50),
            Field("value", _("Value"), "value", most=500),
        ),
    ),
    Order(
        "DataTransfer",
        _("Vendor message"),
        "device-mobile",
        _("A message of the maker's own, as its manual says."),
        (
            Field("vendorId", _("Vendor id"), most=255),
            Field("messageId", _("Message id"), most=50, required=False),
            Field("data", _("Data"), required=False),
        ),
    ),
)

LIMITS = (
    Order(
        "SetChargingProfile",
        _("Limit the power"),
        "gauge",
        _("Tells the charger how much it may draw, from now or by a timetable."),
        (
            WHOLE,
            Field(
                f"{SCHEDULE}.chargingSchedulePeriod",
                _("Limits"),
                "periods",
                default="0 16",
                help=_("One line each: seconds from the start, limit, and phases if you like."),
            ),
            Field(f"{SCHEDULE}.chargingRateUnit", _("Unit"), "choice", UNITS),
            Field(f"{PROFILE}.chargingProfilePurpose", _("For"), "choice", PURPOSES),
            Field(
                f"{PROFILE}.chargingProfileKind",
                _("Counted from"),
                "choice",
                (
                    ("Relative", _("the start of the charge (Relative)")),
                    ("Absolute", _("a moment (Absolute)")),
                    ("Recurring", _("a moment, again and again (Recurring)")),
                ),
            ),
            Field(f"{SCHEDULE}.startSchedule", _("That moment"), "moment", required=False),
            Field(
                f"{PROFILE}.recurrencyKind",
                _("Again"),
                "choice",
                (("", "–"), ("Daily", _("every day")), ("Weekly", _("every week"))),
                required=False,
            ),
            Field(f"{SCHEDULE}.duration", _("Seconds it lasts"), "number", required=False),
            Field(
                f"{PROFILE}.transactionId",
                _("Charge"),
                "session",
                required=False,
                help=_("Only with TxProfile."),
            ),
            Field(f"{PROFILE}.stackLevel", _("Level"), "number", default="0"),
            Field(f"{PROFILE}.chargingProfileId", _("Number"), "number", default="1"),
        ),
    ),
    Order(
        "ClearChargingProfile",
        _("Lift limits"),
        "x",
        _("Removes what matches all that is filled in; with nothing filled in, every limit."),
        (
            Field("id", _("Number"), "number", required=False),
            Field("connectorId", _("Connector"), "connector", required=False, whole=True),
            Field(
                "chargingProfilePurpose",
                _("For"),
                "choice",
                (("", "–"), *PURPOSES),
                required=False,
            ),
            Field("stackLevel", _("Level"), "number", required=False),
        ),
        asks=_("With nothing filled in, every limit of this charger is lifted. Do it?"),
    ),
    Order(
        "GetCompositeSchedule",
        _("Ask what it may draw"),
        "list-search",
        _("The charger works out its limits for the time to come."),
        (
            WHOLE,
            Field("duration", _("Seconds ahead"), "number", default="3600"),
            Field("chargingRateUnit", _("Unit"), "choice", (("", "–"), *UNITS), required=False),
        ),
    ),
)
RESERVATION = (
    Order(
        "ReserveNow",
        _("Reserve a connector"),
        "calendar-time",
        _("Keeps a connector for one card until a moment."),
        (
            WHOLE,
            Field("idTag", _("Card"), "card", most=20),
            Field("expiryDate", _("Until"), "moment"),
            Field("reservationId", _("Number"), "number"),
            Field("parentIdTag", _("Card group"), most=20, required=False),
        ),
    ),
    Order(
        "CancelReservation",
        _("Give a reservation up"),
        "calendar-off",
        _("The connector is free again."),
        (Field("reservationId", _("Number"), "number"),),
    ),
)
CARDS = (
    Order(
        "GetLocalListVersion",
        _("Ask for the list’s version"),
        "id-badge-2",
        _("Which list of cards the charger holds; 0: none, -1: it keeps no list."),
    ),
    Order(
        "SendLocalList",
        _("Send a list of cards"),
        "users",
        _("Cards that the charger accepts by itself while it has no connection."),
        (
            Field(
                "updateType",
                _("How"),
                "choice",
                (("Full", _("the whole list (Full)")), ("Differential", _("changes"))),
            ),
            Field("listVersion", _("Version"), "number"),
            Field(
                "localAuthorizationList",
                _("Cards"),
                "entries",
                required=False,
                help=_("One line each: card, status (Accepted if left out); -card takes it out."),
            ),
        ),
    ),
    Order(
        "ClearCache",
        _("Forget known cards"),
        "trash",
        _("Empties the charger's own list of cards it has seen."),
    ),
)
FILES = (
    Order(
        "UpdateFirmware",
        _("Update the firmware"),
        "download",
        _("The charger fetches the file at that time and installs it."),
        (
            Field("location", _("Address of the file"), most=512),
            Field("retrieveDate", _("Fetch it at"), "moment"),
            *RETRIES,
        ),
        asks=_("A charger that gets the wrong firmware may never come back. Send it?"),
    ),
    Order(
        "SignedUpdateFirmware",
        _("Update signed firmware"),
        "shield-check",
        _("As above; the charger checks who made it before it installs."),
        (
            Field("requestId", _("Number"), "number"),
            Field("firmware.location", _("Address of the file"), most=512),
            Field("firmware.retrieveDateTime", _("Fetch it at"), "moment"),
            Field("firmware.installDateTime", _("Install it at"), "moment", required=False),
            Field("firmware.signingCertificate", _("Certificate of the signer"), "area"),
            Field("firmware.signature", _("Signature"), "area"),
            *RETRIES,
        ),
        asks=_("A charger that gets the wrong firmware may never come back. Send it?"),
    ),
    Order(
        "GetDiagnostics",
        _("Fetch diagnostics"),
        "activity",
        _("The charger sends its diagnostics to the address."),
        (
            Field("location", _("Address to send to"), most=512),
            Field("startTime", _("From"), "moment", required=False),
            Field("stopTime", _("To"), "moment", required=False),
            *RETRIES,
        ),
    ),
    Order(
        "GetLog",
        _("Fetch a log"),
        "list-details",
        _("The charger sends its log to the address."),
        (
            Field(
                "logType",
                _("Which"),
                "choice",
                (("DiagnosticsLog", _("Diagnostics")), ("SecurityLog", _("Security"))),
            ),
            Field("requestId", _("Number"), "number"),
            Field("log.remoteLocation", _("Address to send to"), most=512),
            Field("log.oldestTimestamp", _("From"), "moment", required=False),
            Field("log.latestTimestamp", _("To"), "moment", required=False),
            *RETRIES,
        ),
    ),
)
SECURITY = (
    Order(
        "GetInstalledCertificateIds",
        _("Ask for its certificates"),
        "shield-check",
        _("Which authorities the charger trusts."),
        (Field("certificateType", _("Which"), "choice", ROOTS),),
    ),
    Order(
        "InstallCertificate",
        _("Install a certificate"),
        "shield-lock",
        _("An authority that the charger shall trust from now on."),
        (
            Field("certificateType", _("Which"), "choice", ROOTS),
            Field("certificate", _("Certificate (PEM)"), "area"),
        ),
    ),
    Order(
        "DeleteCertificate",
        _("Remove a certificate"),
        "trash",
        _("By the numbers that the charger gave for it."),
        (
            Field(
                "certificateHashData.hashAlgorithm",
                _("Hash"),
                "choice",
                tuple((word, word) for word in ("SHA256", "SHA384", "SHA512")),
            ),
            Field("certificateHashData.issuerNameHash", _("Issuer’s name"), most=128),
            Field("certificateHashData.issuerKeyHash", _("Issuer’s key"), most=128),
            Field("certificateHashData.serialNumber", _("Serial number"), most=40),
        ),
        asks=_("Without the right authority the charger cannot connect by TLS. Remove it?"),
    ),
    Order(
        "CertificateSigned",
        _("Send its own certificate"),
        "key",
        _("The signed answer to a request of the charger, with its chain."),
        (Field("certificateChain", _("Certificates (PEM)"), "area"),),
    ),
    Order(
        "ExtendedTriggerMessage",
        _("Ask for a security message"),
        "message-2",
        _("As “Ask for a message”, with those of the security extension."),
        (
            Field(
                "requestedMessage",
                _("Message"),
                "choice",
                tuple(
                    (word, word)
                    for word in (
                        "SignChargePointCertificate",
                        "LogStatusNotification",
                        "BootNotification",
                        "FirmwareStatusNotification",
                        "Heartbeat",
                        "MeterValues",
                        "StatusNotification",
                    )
                ),
            ),
            Field("connectorId", _("Connector"), "connector", required=False),
        ),
    ),
)

GROUPS: tuple[tuple[Text, tuple[Order, ...]], ...] = (
    (_("Charging"), CHARGING),
    (_("Power"), LIMITS),
    (_("Reservation"), RESERVATION),
    (_("Cards"), CARDS),
    (_("Settings"), SETTINGS),
    (_("Firmware and logs"), FILES),
    (_("Security"), SECURITY),
)
ORDERS: tuple[Order, ...] = tuple(order for _group, orders in GROUPS for order in orders)
BY_ACTION = {order.action: order for order in ORDERS}
