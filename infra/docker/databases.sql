-- Beside the shop's own: Airflow's metadata, the schema registry's schemas.
CREATE DATABASE airflow;
CREATE DATABASE registry;
