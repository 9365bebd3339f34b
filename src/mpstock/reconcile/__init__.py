"""The engine: pull, plan, push, record. It knows neither HTTP nor SQL."""
