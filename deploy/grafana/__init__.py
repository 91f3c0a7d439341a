"""Dashboards for those who have Grafana, made as code."""
