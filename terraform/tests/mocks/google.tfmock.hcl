# What the provider would answer: values that have a form.

mock_data "google_project" {
  defaults = {
    number = "123456789012"
  }
}

mock_data "archive_file" {
  defaults = {
    output_md5 = "0123456789abcdef0123456789abcdef"
  }
}

mock_data "google_storage_project_service_account" {
  defaults = {
    email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
  }
}

mock_data "google_bigquery_default_service_account" {
  defaults = {
    email = "bq-123456789012@bigquery-encryption.iam.gserviceaccount.com"
  }
}

mock_resource "google_service_account" {
  defaults = {
    email  = "account@shop-prod.iam.gserviceaccount.com"
    id     = "projects/shop-prod/serviceAccounts/account@shop-prod.iam.gserviceaccount.com"
    member = "serviceAccount:account@shop-prod.iam.gserviceaccount.com"

    unique_id = "100000000000000000000"
  }
}

mock_resource "google_logging_project_sink" {
  defaults = {
    writer_identity = "serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com"
  }
}

mock_resource "google_project_iam_custom_role" {
  defaults = {
    name = "projects/shop-prod/roles/role"
  }
}

mock_resource "google_pubsub_topic" {
  defaults = {
    id = "projects/shop-prod/topics/topic"
  }
}

mock_resource "google_pubsub_subscription" {
  defaults = {
    id = "projects/shop-prod/subscriptions/subscription"
  }
}

mock_resource "google_bigquery_connection" {
  defaults = {
    id = "projects/shop-prod/locations/europe-west1/connections/connection"
  }
}
