"""Fill a fresh database so that a company can sell, buy, stock and invoice at once."""

import datetime as dt
from decimal import Decimal
from typing import Any

from proteus import Model, Wizard
from proteus import config as proteus_config
from trytond.modules.country.scripts import import_countries
from trytond.modules.currency.scripts import import_currencies

from .places import NO_MINOR, THREE_MINOR, count_digits

CHART = "account.account_template_root_en"
COMPANY_NAME = "Company"
COUNTRY, CURRENCY, SYMBOL, TIME_ZONE = "US", "USD", "$", "America/New_York"
"""Where the company is at home; a template for another home is made from this one."""
BUILT_IN_LOGIN = "admin"
"""Closed in the template; a tenant who wants this login gets it opened."""


def make_usable(database: str, owner_login: str) -> None:
    """Countries, currencies, company, chart, fiscal years, terms and the owner; ``database`` is a name in the path."""
    config = proteus_config.set_trytond(database, user="admin")
    with config.set_context(active_test=False):
        import_countries.update_countries(import_countries.get_countries())
        import_currencies.update_currencies(import_currencies.get_currencies())
        _set_digits()
    company = _make_company(config)
    _make_chart(config, company)
    this_year = dt.datetime.now(tz=dt.UTC).year
    for year in (this_year, this_year + 1):
        _make_fiscal_year(company, year)
    _make_payment_terms()
    _make_category(company)
    _make_owner(owner_login, company)


def finish(database: str, owner_login: str) -> None:
    """What must be repeated whenever modules were added: wizards done, owner in all groups, built-in admin closed."""
    proteus_config.set_trytond(database, user="admin")
    item = Model.get("ir.module.config_wizard.item")
    pending = item.find([("state", "=", "open")])
    for record in pending:
        record.state = "done"
    item.save(pending)
    user = Model.get("res.user")
    (admin,) = _find_all(user, BUILT_IN_LOGIN)
    (owner,) = user.find([("login", "=", owner_login)])
    groups = Model.get("res.group").find([])
    for person in (admin, owner):
        known = {group.id for group in person.groups}
        person.groups.extend(group for group in groups if group.id not in known)
        person.save()
    admin.active = False
    admin.save()


def _find_all(user: Any, login: str) -> list[Any]:
    with proteus_config.get_config().set_context(active_test=False):
        return list(user.find([("login", "=", login)]))


def _set_digits() -> None:
    """Most currencies have cents, which Tryton takes for granted of all."""
    currency = Model.get("currency.currency")
    others = currency.find([("code", "in", [*NO_MINOR, *THREE_MINOR])])
    for money in others:
        money.digits = count_digits(money.code)
        money.rounding = Decimal(1).scaleb(-money.digits)
    currency.save(others)


def _make_company(config: Any) -> Any:
    party = Model.get("party.party")(name=COMPANY_NAME)
    (country,) = Model.get("country.country").find([("code", "=", COUNTRY)])
    (address,) = party.addresses or [party.addresses.new()]
    address.country = country
    party.save()
    (money,) = Model.get("currency.currency").find([("code", "=", CURRENCY)])
    money.symbol = SYMBOL
    money.rates.new(date=dt.date.min, rate=Decimal(1))
    money.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    wizard.form.currency = money
    wizard.form.timezone = TIME_ZONE
    wizard.execute("add")
    config._context = Model.get("res.user").get_preferences(True, {})  # noqa: SLF001
    (company,) = Model.get("company.company").find([])
    return company


def _make_chart(config: Any, company: Any) -> None:
    template_id = Model.get("ir.model.data").get_id(CHART, config.context)
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = Model.get("account.account.template")(template_id)
    wizard.form.company = company
    wizard.execute("create_account")
    wizard.form.account_receivable = _find_account(company, "receivable")
    wizard.form.account_payable = _find_account(company, "payable")
    wizard.form.category_account_expense = _find_account(company, "expense")
    wizard.form.category_account_revenue = _find_account(company, "revenue")
    wizard.execute("create_properties")


def _find_account(company: Any, kind: str) -> Any:
    (account,) = Model.get("account.account").find(
        [(f"type.{kind}", "=", True), ("company", "=", company.id), ("closed", "!=", True)], limit=1
    )
    return account


def _make_sequence(name: str, kind: str, company: Any) -> Any:
    (sequence_type,) = Model.get("ir.sequence.type").find([("name", "=", kind)], limit=1)
    sequence = Model.get("ir.sequence.strict")(name=name, sequence_type=sequence_type, company=company)
    sequence.save()
    return sequence


def _make_fiscal_year(company: Any, year: int) -> None:
    record = Model.get("account.fiscalyear")(name=str(year), company=company)
    record.start_date = dt.date(year, 1, 1)
    record.end_date = dt.date(year, 12, 31)
    record.move_sequence = _make_sequence(str(year), "Account Move", company)
    invoices = _make_sequence(f"Invoices {year}", "Invoice", company)
    credit_notes = _make_sequence(f"Credit notes {year}", "Invoice", company)
    (numbers,) = record.invoice_sequences
    numbers.out_invoice_sequence = numbers.in_invoice_sequence = invoices
    numbers.out_credit_note_sequence = numbers.in_credit_note_sequence = credit_notes
    record.save()
    record.click("create_period")


def _make_payment_terms() -> None:
    for name, days in (("Due on receipt", 0), ("30 days", 30)):
        term = Model.get("account.invoice.payment_term")(name=name)
        line = term.lines.new(type="remainder")
        if days:
            line.relativedeltas.new(days=days)
        term.save()
    configuration = Model.get("account.configuration")(1)
    configuration.default_customer_payment_term = term
    configuration.save()


def _make_category(company: Any) -> None:
    category = Model.get("product.category")(name="General", accounting=True)
    category.account_expense = _find_account(company, "expense")
    category.account_revenue = _find_account(company, "revenue")
    category.save()


def _make_owner(login: str, company: Any) -> None:
    owner = Model.get("res.user")(name="Owner", login=login)
    owner.companies.append(Model.get("company.company")(company.id))
    owner.company = company
    (english,) = Model.get("ir.lang").find([("code", "=", "en")])
    owner.language = english
    owner.save()
