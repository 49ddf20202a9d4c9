"""What Luca is deployed as: the templates, and `infra.local`, which runs them on one machine."""
