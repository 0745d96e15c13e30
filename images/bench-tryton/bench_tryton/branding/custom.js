// Part of bench-tryton, GPL-3.0-or-later. One hostname is one database here, so nobody has to choose one.
"use strict";

Sao.config.title = "ERP";
document.title = Sao.config.title;
