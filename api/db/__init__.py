"""The register's database: tables, connections, bulk paths and migrations."""
