"""The only application image of the project: it plays every service and every client of the conformance scenarios."""
