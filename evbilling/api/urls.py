"""The map of ``/api/v1/``."""

from django.urls import path, re_path

from evbilling.api import (
    acceptance,
    account,
    admins,
    audit,
    bills,
    bulk,
    campaigns,
    cards,
    cases,
    chargers,
    commands,
    companies,
    configuration,
    configuration_templates,
    customers,
    doctor,
    firmware,
    forwards,
    gateways,
    holidays,
    invoices,
    knocks,
    ledger,
    limits,
    messages,
    reservations,
    schema,
    security,
    sessions,
    statements,
    stations,
    tariffs,
    transfers,
)

# No control characters: PostgreSQL refuses a NUL. A card's number may hold a slash.
CHARGER = r"chargers/(?P<charge_point_id>[^/\x00-\x1f\x7f]{1,60})/"
CERTIFICATE = rf"{CHARGER}certificates/(?P<pk>\d{{1,18}})/"
RUN = CHARGER + r"acceptance-runs/(?P<pk>\d{1,18})/"
CARD = r"cards/(?P<id_tag>[^\x00-\x1f\x7f]{1,60})/"

urlpatterns = [
    path("me/", account.Me.as_view(), name="api-me"),
    path("tokens/", account.Tokens.as_view(), name="api-tokens"),
    path("tokens/<int:pk>/", account.Token.as_view(), name="api-token"),
    path("companies/", companies.Companies.as_view(), name="api-companies"),
    path("companies/<slug:slug>/", companies.CompanyDetail.as_view(), name="api-company"),
    path("tax-entities/", companies.TaxEntities.as_view(), name="api-tax-entities"),
    path("tax-entities/<int:pk>/", companies.TaxEntityDetail.as_view(), name="api-tax-entity"),
    path("gateway-accounts/", gateways.GatewayAccounts.as_view(), name="api-gateway-accounts"),
    path("admins/", admins.Admins.as_view(), name="api-admins"),
    path("admins/<int:pk>/", admins.AdminDetail.as_view(), name="api-admin"),
    path("customers/", customers.Customers.as_view(), name="api-customers"),
    path("customers/<int:pk>/", customers.CustomerDetail.as_view(), name="api-customer"),
    path("customers/<int:pk>/top-up/", customers.TopUp.as_view(), name="api-top-up"),
    path("customers/<int:pk>/withdraw/", customers.Withdraw.as_view(), name="api-withdraw"),
    path("cards/", cards.Cards.as_view(), name="api-cards"),
    re_path(rf"^{CARD}$", cards.CardDetail.as_view(), name="api-card"),
    path("stations/", stations.Stations.as_view(), name="api-stations"),
    path("stations/<int:pk>/", stations.StationDetail.as_view(), name="api-station"),
    path("chargers/", chargers.Chargers.as_view(), name="api-chargers"),
    re_path(rf"^{CHARGER}$", chargers.ChargerDetail.as_view(), name="api-charger"),
    re_path(
        rf"^{CHARGER}connectors/(?P<connector_id>\d{{1,4}})/$",
        chargers.ConnectorDetail.as_view(),
        name="api-connector",
    ),
    re_path(rf"^{CHARGER}doctor/$", doctor.Doctor.as_view(), name="api-doctor"),
    re_path(rf"^{CHARGER}commands/$", commands.Commands.as_view(), name="api-commands"),
    re_path(
        rf"^{CHARGER}commands/(?P<action>\w{{1,50}})/$",
        commands.SendCommand.as_view(),
        name="api-command",
    ),
    re_path(rf"^{CHARGER}security/$", security.Security.as_view(), name="api-security"),
    re_path(
        rf"^{CHARGER}security/upgrade/$",
        security.Upgrade.as_view(),
        name="api-security-upgrade",
    ),
    re_path(
        rf"^{CHARGER}security-events/$",
        security.SecurityEvents.as_view(),
        name="api-security-events",
    ),
    re_path(rf"^{CHARGER}password/$", security.Password.as_view(), name="api-password"),
    re_path(rf"^{CHARGER}certificates/$", security.Certificates.as_view(), name="api-certificates"),
    re_path(
        rf"^{CHARGER}certificates/ask/$",
        security.AskCertificate.as_view(),
        name="api-certificate-ask",
    ),
    re_path(
        rf"^{CERTIFICATE}revoke/$",
        security.RevokeCertificate.as_view(),
        name="api-certificate-revoke",
    ),
    re_path(
        rf"^{CERTIFICATE}approve/$",
        security.ApproveCertificate.as_view(),
        name="api-certificate-approve",
    ),
    re_path(
        rf"^{CERTIFICATE}reject/$",
        security.RejectCertificate.as_view(),
        name="api-certificate-reject",
    ),
    re_path(rf"^{CHARGER}messages/$", messages.Messages.as_view(), name="api-messages"),
    re_path(rf"^{CHARGER}transfers/$", transfers.Transfers.as_view(), name="api-transfers"),
    path("transfers/<int:pk>/", transfers.TransferDetail.as_view(), name="api-transfer"),
    path("uploads/<int:pk>/file/", transfers.UploadedFile.as_view(), name="api-upload-file"),
    path("firmware/", firmware.FirmwareImages.as_view(), name="api-firmware"),
    path("firmware/<int:pk>/", firmware.FirmwareDetail.as_view(), name="api-firmware-detail"),
    path("campaigns/", campaigns.Campaigns.as_view(), name="api-campaigns"),
    path("campaigns/<int:pk>/", campaigns.CampaignDetail.as_view(), name="api-campaign"),
    path(
        "campaigns/<int:pk>/chargers/",
        campaigns.CampaignTargets.as_view(),
        name="api-campaign-chargers",
    ),
    *(
        path(
            f"campaigns/<int:pk>/{turn}/",
            campaigns.CampaignTurn.as_view(turn=turn),
            name=f"api-campaign-{turn}",
        )
        for turn in campaigns.TURNS
    ),
    re_path(r"^commands/(?P<action>\w{1,50})/$", bulk.BulkCommands.as_view(), name="api-bulk"),
    path("command-batches/<uuid:batch>/", bulk.Batch.as_view(), name="api-batch"),
    re_path(
        rf"^{CHARGER}local-list/$",
        reservations.ChargerLocalList.as_view(),
        name="api-charger-local-list",
    ),
    path("reservations/", reservations.Reservations.as_view(), name="api-reservations"),
    path(
        "reservations/<int:pk>/", reservations.ReservationDetail.as_view(), name="api-reservation"
    ),
    re_path(rf"^{CHARGER}forward/$", forwards.ForwardDetail.as_view(), name="api-forward"),
    re_path(rf"^{CHARGER}forward/try/$", forwards.TryForward.as_view(), name="api-forward-try"),
    re_path(
        rf"^{CHARGER}messages/export/$",
        messages.ExportMessages.as_view(),
        name="api-messages-export",
    ),
    re_path(
        rf"^{CHARGER}configuration/$",
        configuration.Configuration.as_view(),
        name="api-charger-configuration",
    ),
    re_path(
        rf"^{CHARGER}configuration/put-right/$",
        configuration.PutRight.as_view(),
        name="api-charger-put-right",
    ),
    re_path(
        rf"^{CHARGER}commissioning/$",
        configuration.Commission.as_view(),
        name="api-charger-commissioning",
    ),
    path("knocks/", knocks.Knocks.as_view(), name="api-knocks"),
    path("knocks/adopt/", knocks.Adopt.as_view(), name="api-knock-adopt"),
    path(
        "configuration-templates/",
        configuration_templates.Templates.as_view(),
        name="api-configuration-templates",
    ),
    path(
        "configuration-templates/<int:pk>/",
        configuration_templates.TemplateDetail.as_view(),
        name="api-configuration-template",
    ),
    re_path(
        rf"^{CHARGER}acceptance-runs/$",
        acceptance.AcceptanceRuns.as_view(),
        name="api-acceptance-runs",
    ),
    re_path(rf"^{RUN}$", acceptance.AcceptanceDetail.as_view(), name="api-acceptance-run"),
    re_path(
        rf"^{RUN}decision/$",
        acceptance.AcceptanceDecision.as_view(),
        name="api-acceptance-decision",
    ),
    re_path(
        rf"^{RUN}form\.pdf$", acceptance.AcceptancePaper.as_view(), name="api-acceptance-paper"
    ),
    path("sessions/", sessions.Sessions.as_view(), name="api-sessions"),
    path("sessions/<int:pk>/", sessions.SessionDetail.as_view(), name="api-session"),
    path("sessions/<int:pk>/stop/", sessions.StopSession.as_view(), name="api-session-stop"),
    path("sessions/<int:pk>/bill/", bills.SessionBill.as_view(), name="api-session-bill"),
    path("limits/", limits.Limits.as_view(), name="api-limits"),
    path("statements/", statements.Statements.as_view(), name="api-statements"),
    path("statements/<int:pk>/", statements.StatementDetail.as_view(), name="api-statement"),
    path(
        "statements/<int:pk>/paper.pdf",
        statements.StatementPaper.as_view(),
        name="api-statement-paper",
    ),
    path(
        "statements/<int:pk>/payments/",
        statements.StatementPayments.as_view(),
        name="api-statement-payments",
    ),
    path(
        "statements/<int:pk>/void/", statements.VoidStatement.as_view(), name="api-statement-void"
    ),
    path("tariffs/", tariffs.Tariffs.as_view(), name="api-tariffs"),
    path("tariffs/<int:pk>/", tariffs.TariffDetail.as_view(), name="api-tariff"),
    path("tariffs/in-force/", tariffs.InForce.as_view(), name="api-tariffs-in-force"),
    path("tariffs/price/", tariffs.Price.as_view(), name="api-tariffs-price"),
    path("holidays/", holidays.Holidays.as_view(), name="api-holidays"),
    path("invoices/", invoices.Invoices.as_view(), name="api-invoices"),
    path("invoices/<int:pk>/", invoices.InvoiceDetail.as_view(), name="api-invoice"),
    path("invoices/<int:pk>/pdf/", invoices.InvoicePdf.as_view(), name="api-invoice-pdf"),
    path("ledger/", ledger.Ledger.as_view(), name="api-ledger"),
    path("cases/", cases.Cases.as_view(), name="api-cases"),
    path("cases/<int:pk>/", cases.CaseDetail.as_view(), name="api-case"),
    path("cases/<int:pk>/resolve/", cases.ResolveCase.as_view(), name="api-case-resolve"),
    path("audit/", audit.Audit.as_view(), name="api-audit"),
    path("schema/", schema.Schema.as_view(), name="api-schema"),
    path("docs/", schema.Docs.as_view(), name="api-docs"),
    re_path(r"", schema.Nowhere.as_view(), name="api-nowhere"),
]
