"""Yandex Market as a sink of mpstock. What it offers is named by `mpstock_yandex.plugin`."""
