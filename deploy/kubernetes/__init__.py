"""All of the platform on Kubernetes, with operators for Kafka, PostgreSQL and scaling."""
