import type { ConstructId } from '../policy/constructs.ts';
import type { Finding } from '../policy/finding.ts';
import type { AlertState, ClusterKey, Problem, ProblemDetail } from '../ports.ts';

/** How bad it is, the worst first: that of its construct; `medium` where no construct decides, `low` of what is only counted. */
export const SEVERITIES = ['high', 'medium', 'low'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What is told together: the problems of one cluster that one rule causes, or, where none does, that have one finding and direction. */
export interface Group {
	readonly id: string;
	readonly cluster: ClusterKey;
	readonly finding: Finding;
	/** Absent where none decides. */
	readonly construct?: ConstructId;
	readonly direction: string;
	/** `namespace/name`, or `name` of a kind without namespaces; absent where none decides. */
	readonly policy?: string;
	/** What is only counted, never told one by one. */
	readonly counted?: 'contradicted' | 'late-reply';
	readonly severity: Severity;
}

/** Why an alert is over. */
export type Resolution =
	/** No entry since then. */
	| { readonly kind: 'quiet'; readonly since: string }
	/** A snapshot valid from then on has the rule no more. */
	| { readonly kind: 'fixed'; readonly policy: string; readonly at: string }
	/** Its entries were judged again, and are no longer flagged. */
	| { readonly kind: 'judged-again' };

/** What is to be said of a group now. Times are RFC 3339 UTC. */
export interface Alert {
	readonly id: string;
	readonly state: AlertState;
	readonly group: Group;
	/** Those that it tells of: the new ones where it is an `update`; the last that is known of them where it is `resolved`. The most packets first. */
	readonly problems: readonly Problem[];
	/** Of the group that are known beside those told of: in an `update`. */
	readonly known: number;
	/** How many of its rule were not read, because there are too many; absent: none. */
	readonly unlisted?: number;
	readonly firstSeen: string;
	readonly lastSeen: string;
	readonly resolution?: Resolution;
	/** Slack's ts of the message that opened it. */
	readonly thread?: string;
}

/** One message. */
export type Notice = { readonly id: string } & (
	| { readonly kind: 'alert'; readonly alert: Alert }
	/** Many alerts of one cluster and state at once: one message for all of them. */
	| { readonly kind: 'bundle'; readonly cluster: ClusterKey; readonly state: AlertState; readonly alerts: readonly Alert[] }
	/** What would be more messages than a run may post. */
	| { readonly kind: 'overflow'; readonly alerts: readonly Alert[] }
);

/** What a message is made with, besides what it is about. */
export interface Rendering {
	/** By fingerprint; of resolved alerts and where it could not be found, absent. */
	readonly details: ReadonlyMap<string, ProblemDetail>;
	/** PROJECT.DATASET. */
	readonly dataset: string;
	/** Where the page constructs.md is, without its #anchor; absent: the first link of the catalogue. */
	readonly constructsUrl?: string | undefined;
	/** Entries of the cluster that are only counted, by what they are. */
	readonly counts: (cluster: ClusterKey) => Readonly<Record<'contradicted' | 'late-reply', number>>;
}
