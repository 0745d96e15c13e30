"""Run by the bench's interpreter: sell, ship and invoice over XML-RPC. ``<url> <login> <password>``; writes JSON."""

import json
import sys
from decimal import Decimal

from proteus import Model
from proteus.config import set_xmlrpc_session


def main(url: str, login: str, password: str) -> None:
    with set_xmlrpc_session(url, login, password) as config:
        config._context = Model.get("res.user").get_preferences(True, {})
        customer = Model.get("party.party")(name="Charles Babbage")
        customer.save()
        (category,) = Model.get("product.category").find([("accounting", "=", True)])
        (unit,) = Model.get("product.uom").find([("symbol", "=", "u")])
        template = Model.get("product.template")(name="Gear", default_uom=unit, type="goods", salable=True)
        template.list_price = Decimal("12.50")
        template.account_category = category
        template.save()
        sale = Model.get("sale.sale")(party=customer)
        line = sale.lines.new()
        line.product = template.products[0]
        line.quantity = 4
        for step in ("quote", "confirm", "process"):
            sale.click(step)
        (shipment,) = sale.shipments
        (invoice,) = sale.invoices
        # Today is what it is where the company is at home.
        invoice.invoice_date = sale.sale_date
        invoice.click("post")
        said = {
            "sale": sale.state,
            "shipment": shipment.state,
            "invoice": invoice.state,
            "number": invoice.number,
            "total": str(invoice.total_amount),
            "terms": invoice.payment_term.name,
        }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
