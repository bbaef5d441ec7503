# What leads where: topics, subscriptions and functions that can be told apart.

mock_provider "google" {
  source = "./tests/mocks"
}
mock_provider "archive" {
  source = "./tests/mocks"
}
mock_provider "time" {
  source = "./tests/mocks"
}

variables {
  project_id = "shop-prod"
  region     = "europe-west1"
  clusters = [
    "projects/shop-prod/locations/europe-west1/clusters/prod",
    "projects/shop-staging/locations/europe-west1/clusters/staging",
  ]
  alerts = { to = "slack-webhook", secret_version = 2 }
}

override_resource {
  target = google_pubsub_topic.entries
  values = { id = "projects/shop-prod/topics/entries" }
}
override_resource {
  target = google_pubsub_topic.dead_letters
  values = { id = "projects/shop-prod/topics/dead-letters" }
}
override_resource {
  target = google_pubsub_topic.snapshot_requests
  values = { id = "projects/shop-prod/topics/snapshot-requests" }
}
override_resource {
  target = module.ingest.google_cloudfunctions2_function.this
  values = { service_config = { uri = "https://ingest.run.app" } }
}
override_resource {
  target = module.snapshot.google_cloudfunctions2_function.this
  values = { service_config = { uri = "https://snapshot.run.app" } }
}
override_resource {
  target = module.rejudge[0].google_cloudfunctions2_function.this
  values = { service_config = { uri = "https://rejudge.run.app" } }
}
override_resource {
  target = module.alert[0].google_cloudfunctions2_function.this
  values = { service_config = { uri = "https://alert.run.app" } }
}
override_resource {
  target = google_secret_manager_secret.alerts[0]
  values = { id = "projects/shop-prod/secrets/policy-audit-alerts" }
}

run "wiring" {
  command = apply

  assert {
    condition     = module.ingest.environment["SNAPSHOT_TOPIC"] == "projects/shop-prod/topics/snapshot-requests"
    error_message = "Ingest asks for snapshots where requests are read."
  }
  assert {
    condition     = alltrue([for sink in google_logging_project_sink.entries : sink.destination == "pubsub.googleapis.com/projects/shop-prod/topics/entries"]) && length(google_logging_project_sink.entries) == 2
    error_message = "Entries go to their topic."
  }
  assert {
    condition     = alltrue([for sink in google_logging_project_sink.policy_changes : sink.destination == "pubsub.googleapis.com/projects/shop-prod/topics/snapshot-requests"]) && length(google_logging_project_sink.policy_changes) == 2
    error_message = "Changes of policies go to the topic of requests."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.collect : job.pubsub_target[0].topic_name == "projects/shop-prod/topics/snapshot-requests"])
    error_message = "The schedule asks for snapshots."
  }
  assert {
    condition     = [google_pubsub_subscription.entries.topic, google_pubsub_subscription.snapshot_requests.topic, google_pubsub_subscription.dead_letters.topic] == ["projects/shop-prod/topics/entries", "projects/shop-prod/topics/snapshot-requests", "projects/shop-prod/topics/dead-letters"]
    error_message = "Each subscription is of its topic."
  }
  assert {
    condition     = google_pubsub_subscription.entries.dead_letter_policy[0].dead_letter_topic == "projects/shop-prod/topics/dead-letters"
    error_message = "What is given up becomes a dead letter."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.ingest.topic == "policy-audit-snapshot-requests" && google_pubsub_topic_iam_member.dead_letters_agent.topic == "policy-audit-dead-letters" && google_pubsub_subscription_iam_member.entries_agent.subscription == "policy-audit-entries"
    error_message = "Who publishes may do so where it does."
  }
  assert {
    condition     = [for subscription in [google_pubsub_subscription.entries, google_pubsub_subscription.snapshot_requests] : subscription.push_config[0].push_endpoint] == ["https://ingest.run.app", "https://snapshot.run.app"] && [for subscription in [google_pubsub_subscription.entries, google_pubsub_subscription.snapshot_requests] : subscription.push_config[0].oidc_token[0].audience] == ["https://ingest.run.app", "https://snapshot.run.app"]
    error_message = "Each subscription pushes to its function, with a token for it."
  }
  assert {
    condition     = google_bigquery_routine.rejudge[0].remote_function_options[0].endpoint == "https://rejudge.run.app"
    error_message = "BigQuery calls the function that judges again."
  }
  assert {
    condition     = google_cloud_scheduler_job.alert[0].http_target[0].uri == "https://alert.run.app" && google_cloud_scheduler_job.alert[0].http_target[0].oidc_token[0].audience == "https://alert.run.app"
    error_message = "Cloud Scheduler calls the function that tells, with a token for it."
  }
  assert {
    condition     = module.alert[0].environment["DATASET"] == module.ingest.environment["DATASET"] && !contains(keys(module.alert[0].environment), "SNAPSHOTS")
    error_message = "It tells of what ingest writes, and reads no snapshot."
  }
  assert {
    condition     = module.alert[0].secrets == { SLACK_WEBHOOK = "shop-prod policy-audit-alerts 2" } && alltrue([for function in [module.ingest, module.snapshot, module.rejudge[0]] : length(function.secrets) == 0])
    error_message = "It alone is told the secret."
  }
  assert {
    condition     = output.alert_secret == "projects/shop-prod/secrets/policy-audit-alerts"
    error_message = "The output names the secret as it is."
  }
  assert {
    condition     = output.topics == { entries = "projects/shop-prod/topics/entries", snapshot_requests = "projects/shop-prod/topics/snapshot-requests", dead_letters = "projects/shop-prod/topics/dead-letters" }
    error_message = "Outputs name the topics as they are."
  }
}

# Found when it is planned, before anything is made.
run "no_build" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name          = "policy-audit-ingest"
    description   = "judges"
    labels        = {}
    entry_point   = "ingest"
    artefact      = "./tests/mocks"
    code_bucket   = "code"
    build_account = "projects/p/serviceAccounts/build@p.iam.gserviceaccount.com"
    memory        = "1Gi"
    concurrency   = 1
    instances     = { min = 0, max = 1 }

    timeout_seconds = 60
    environment     = {}
    invokers        = {}
  }

  expect_failures = [data.archive_file.code]
}
