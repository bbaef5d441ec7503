# Each validation refuses what it says it refuses: of each variable as many runs as it has validations, in their order. What a run gives is
# good but for the one.

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
  clusters   = ["projects/shop-prod/locations/europe-west1/clusters/prod"]
}

run "project_id_of_a_domain" {
  command = plan

  variables {
    project_id = "example.com:shop-prod"
  }

  expect_failures = [var.project_id]
}

run "region_a_zone" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "name_too_long" {
  command = plan

  variables {
    name = "a-name-that-is-much-too-long"
  }

  expect_failures = [var.name]
}

run "clusters_a_short_name" {
  command = plan

  variables {
    clusters = ["prod"]
  }

  expect_failures = [var.clusters]
}

run "clusters_twice" {
  command = plan

  variables {
    clusters = ["projects/p/locations/l/clusters/c", "projects/p/locations/l/clusters/c"]
  }

  expect_failures = [var.clusters]
}

run "collection_no_cron" {
  command = plan

  variables {
    collection = { schedule = "every 5 minutes" }
  }

  expect_failures = [var.collection]
}

run "collection_too_seldom" {
  command = plan

  variables {
    collection = { schedule = "*/20 * * * *" }
  }

  expect_failures = [var.collection]
}

run "entries_a_percentage" {
  command = plan

  variables {
    entries = { keep_confirmed = "10%" }
  }

  expect_failures = [var.entries]
}

run "entries_counted_twice" {
  command = plan

  variables {
    entries = { keep_confirmed = "1/100" }
    rejudge = { exported = "shop-prod.export.policy_action" }
  }

  expect_failures = [var.entries]
}

run "entries_unknown_candidate" {
  command = plan

  variables {
    entries = { candidates = ["cilium-1.99"] }
  }

  expect_failures = [var.entries]
}

run "retention_days_no_day" {
  command = plan

  variables {
    retention_days = { rejects = 0 }
  }

  expect_failures = [var.retention_days]
}

run "retention_days_snapshots_too_short" {
  command = plan

  variables {
    retention_days = { verdicts = 200, snapshots = 200 }
  }

  expect_failures = [var.retention_days]
}

run "scale_min_above_max" {
  command = plan

  variables {
    scale = { ingest_min = 5, ingest_max = 2 }
  }

  expect_failures = [var.scale]
}

run "rejudge_no_date" {
  command = plan

  variables {
    rejudge = { history = { since = "2026-02-30", until = "2026-04-01" } }
  }

  expect_failures = [var.rejudge]
}

run "rejudge_until_before_since" {
  command = plan

  variables {
    rejudge = { history = { since = "2026-04-01", until = "2026-04-01" } }
  }

  expect_failures = [var.rejudge]
}

run "rejudge_no_table" {
  command = plan

  variables {
    rejudge = { log_analytics = "logs" }
  }

  expect_failures = [var.rejudge]
}

run "alerts_by_mail" {
  command = plan

  variables {
    alerts = { to = "mail" }
  }

  expect_failures = [var.alerts]
}

run "alerts_no_secret" {
  command = plan

  variables {
    alerts = { to = "log", secret_version = 1 }
  }

  expect_failures = [var.alerts]
}

run "alerts_no_version" {
  command = plan

  variables {
    alerts = { to = "webhook", secret_version = 1.5 }
  }

  expect_failures = [var.alerts]
}

run "alerts_no_channel" {
  command = plan

  variables {
    alerts = { to = "slack-bot" }
  }

  expect_failures = [var.alerts]
}

run "alerts_the_name_of_a_channel" {
  command = plan

  variables {
    alerts = { to = "slack-bot", slack_channel = "#alerts" }
  }

  expect_failures = [var.alerts]
}

run "alerts_no_page" {
  command = plan

  variables {
    alerts = { to = "log", constructs_url = "https://example.com/constructs.md#end-port" }
  }

  expect_failures = [var.alerts]
}

run "alerts_an_address" {
  command = plan

  variables {
    alerts = { to = "log", silencers = ["anna@example.com"] }
  }

  expect_failures = [var.alerts]
}

run "alerts_every_hour" {
  command = plan

  variables {
    alerts = { to = "log", every_minutes = 60 }
  }

  expect_failures = [var.alerts]
}

run "alerts_too_many" {
  command = plan

  variables {
    alerts = { to = "log", pace = { messages = 41 } }
  }

  expect_failures = [var.alerts]
}

run "monitoring_an_address" {
  command = plan

  variables {
    monitoring = { channels = ["ops@example.com"] }
  }

  expect_failures = [var.monitoring]
}

run "monitoring_no_alerts" {
  command = plan

  variables {
    monitoring = { problems = true }
  }

  expect_failures = [var.monitoring]
}

run "kms_key_a_short_name" {
  command = plan

  variables {
    kms_key = "my-key"
  }

  expect_failures = [var.kms_key]
}
