"""The names an endpoint may subscribe to; the sandbox sends some of them (see ``payloads.SENT_TYPES``)."""

_ACTIONS = {
    "alert": "triggered",
    "billable_metric": "created updated deleted",
    "credit_note": "created generated provider_refund_failure",
    "customer": (
        "created updated accounting_provider_created crm_provider_created accounting_provider_error "
        "crm_provider_error payment_provider_created payment_provider_error checkout_url_generated "
        "tax_provider_error vies_check"
    ),
    "dunning_campaign": "finished",
    "event": "error",
    "events": "errors",
    "feature": "created updated deleted",
    "fee": "created tax_provider_error",
    "integration": "provider_error",
    "invoice": (
        "created one_off_created paid_credit_added generated drafted ready_to_finalize voided deleted "
        "payment_status_updated payment_overdue resynced payment_failure payment_dispute_lost"
    ),
    "order": "created executed",
    "order_form": "created signed expired voided",
    "payment": "requires_action succeeded",
    "payment_provider": "error",
    "payment_receipt": "created generated",
    "payment_request": "created payment_status_updated payment_failure",
    "plan": "created updated deleted",
    "quote": "created approved voided",
    "subscription": (
        "started updated terminated canceled incomplete termination_alert trial_ended usage_threshold_reached"
    ),
    "wallet": "created updated terminated depleted_ongoing_balance",
    "wallet_transaction": "created updated payment_failure",
}
WEBHOOK_TYPES = frozenset(
    f"{noun}.{action}" for noun, actions in _ACTIONS.items() for action in actions.split()
)
