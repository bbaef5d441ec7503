# One project, one cluster, and Google's defaults for everything else.
module "policy_audit" {
  source     = "../.."
  project_id = "my-project"
  region     = "europe-west1"
  clusters   = ["projects/my-project/locations/europe-west1/clusters/prod"]
}

output "rbac_manifests" {
  value = module.policy_audit.rbac_manifests
}

output "alert_secret" {
  value = module.policy_audit.alert_secret
}
