# Read access to the clusters: to reach them by IAM, and to list in them what a snapshot is made of by RBAC.

locals {
  cluster_projects = toset([for cluster in var.clusters : split("/", cluster)[1]])
  # Whose logs are read. A project's sink sees the entries of that project alone.
  log_projects = setunion([var.project_id], local.cluster_projects)
  # Several deployments may read one cluster: what is made outside of their project bears the name of it.
  collector = "${var.project_id}-${var.name}-collector"
}

# What roles/container.viewer has besides these two, Secrets excepted, a snapshot needs none of.
resource "google_project_iam_custom_role" "cluster_reader" {
  for_each    = local.cluster_projects
  project     = each.key
  role_id     = replace(local.collector, "-", "_")
  title       = "${var.name}: reaches clusters"
  description = "Reads the description of clusters and connects to their control planes. What may be listed there, RBAC says."
  permissions = ["container.clusters.connect", "container.clusters.get"]
  depends_on  = [google_project_service.api]
}

resource "google_project_iam_member" "snapshot_clusters" {
  for_each = local.cluster_projects
  project  = each.key
  role     = google_project_iam_custom_role.cluster_reader[each.key].name
  member   = module.snapshot.member
}
