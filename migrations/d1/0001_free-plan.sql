INSERT INTO plans (id, name, monthly_conversions) VALUES ('free', 'Free', NULL);
