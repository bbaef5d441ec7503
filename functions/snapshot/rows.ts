import type { CompiledSnapshot } from '../policy/compile.ts';
import type { LintFinding } from '../policy/lint/finding.ts';
import { lintFingerprint } from '../policy/lint/fingerprint.ts';
import type { Snapshot } from '../policy/model.ts';
import { idsOf, type Mask, NONE } from '../policy/semantics.ts';
import { cutToMicros, parseTime } from '../policy/time.ts';
import type { ClusterKey, CollectionReason, Row } from '../ports.ts';
import { engineVersion } from '../version.ts';

export interface CollectionFacts {
	/** What was collected, or the kept snapshot of the same state. */
	readonly snapshot: Pick<Snapshot, 'id' | 'validFrom' | 'state'>;
	readonly cluster: ClusterKey;
	/** RFC 3339. */
	readonly collectedAt: string;
	/** The snapshot before, and until when its state was seen; absent for the first of the cluster. */
	readonly previous?: { readonly id: string; readonly seenUntil: string } | undefined;
	/** The state differs from the one before. */
	readonly changed: boolean;
	readonly reason: CollectionReason;
	readonly candidates: Mask;
	/** How many findings of the linter are kept of the snapshot; absent where that is not all that it had to say, or nothing was linted. */
	readonly policyFindings?: number | undefined;
}

/** A row of `snapshots_v1`: the same collection gives the same row. Keys in schema order. */
export function toSnapshotRow(facts: CollectionFacts): Row {
	const { snapshot, cluster, collectedAt, previous, changed, reason, candidates, policyFindings } = facts;
	const { id, validFrom, state } = snapshot;
	return {
		snapshot_id: id,
		state_hash: id.slice(id.lastIndexOf('-') + 1),
		valid_from: timeOf(validFrom),
		collected_at: timeOf(collectedAt) ?? collectedAt,
		project_id: cluster.project ?? null,
		location: cluster.location,
		cluster_name: cluster.name,
		changed,
		previous_snapshot_id: previous?.id ?? null,
		previous_seen_until: timeOf(previous?.seenUntil),
		reason,
		policies: state.policies.length,
		pods: state.pods.length,
		namespaces: state.namespaces.length,
		services: state.services.length,
		nodes: state.nodes.length,
		other_policies: state.otherPolicies.length,
		unreadable_policies: state.unreadablePolicies.length,
		unreadable_kinds: state.unreadableKinds,
		datapath_provider: state.cluster?.datapathProvider ?? null,
		control_plane_version: state.cluster?.controlPlaneVersion ?? null,
		engine_version: engineVersion(candidates),
		policy_findings: policyFindings ?? null,
	};
}

export interface Linted {
	/** What was linted, and what the linter found in it with these candidates. */
	readonly snapshot: CompiledSnapshot;
	readonly findings: readonly LintFinding[];
	readonly candidates: Mask;
	/** Where the snapshot does not say of which cluster it is. */
	readonly cluster?: ClusterKey | undefined;
	readonly lintedAt: Date;
}

/** Rows of `policy_findings_v1`, one a finding: the same snapshot, engine and candidates give the same rows, `linted_at` apart. Keys in schema order. */
export function toPolicyFindingRows({ snapshot, findings, candidates, cluster = snapshot.cluster, lintedAt }: Linted): Row[] {
	const validFrom = timeOf(snapshot.validFrom);
	return findings.map((finding) => ({
		snapshot_id: snapshot.id,
		valid_from: validFrom,
		project_id: cluster?.project ?? null,
		location: cluster?.location ?? null,
		cluster_name: cluster?.name ?? null,
		construct: finding.construct,
		severity: finding.severity,
		certainty: finding.certainty,
		policy_kind: finding.policyKind,
		policy_namespace: finding.policyNamespace ?? null,
		policy_name: finding.policyName,
		direction: finding.direction ?? null,
		rule: finding.rule ?? null,
		peer: finding.peer ?? null,
		port: finding.port ?? null,
		clause: finding.clause,
		semantics: finding.semantics === NONE ? null : idsOf(finding.semantics).join(','),
		differs_now: finding.differsNow,
		affected_pods: finding.affected.count,
		affected_sample: finding.affected.sample,
		detail: finding.detail,
		summary: finding.summary,
		suggestion: finding.suggestion,
		fingerprint: lintFingerprint(finding, cluster),
		engine_version: engineVersion(candidates),
		linted_at: lintedAt.toISOString(),
	}));
}

/** RFC 3339 UTC, cut to microseconds; null where there is none. */
function timeOf(text: string | undefined): string | null {
	const time = text === undefined ? undefined : parseTime(text);
	return time === undefined ? null : cutToMicros(time);
}
