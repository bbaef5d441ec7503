import { CONSTRUCTS, type ConstructId } from './constructs.ts';
import { FINDINGS, type Finding } from './finding.ts';

/** What a fingerprint of a judgement says (`explain.ts` makes it), part by part. */
export interface FingerprintParts {
	/** `project/location/name`, the project `-` where the entry named none. */
	readonly cluster: string;
	readonly finding: Finding;
	/** Absent where none decides. */
	readonly construct?: ConstructId;
	readonly direction: string;
	/** `namespace/kind/name` of the workload, `pod` of one that is not known, or `-`. */
	readonly subject: string;
	/** `namespace/kind/name`, the CIDR of the rule's peer, or a kind of end. */
	readonly peer: string;
	/** `ephemeral` of a late reply, `-` where there is none. */
	readonly port: string;
	readonly protocol: string;
	/** `namespace/name`, or `name`; absent where no policy decides. */
	readonly policy?: string;
	/** Of the rule's content; absent where no rule decides. */
	readonly ruleHash?: string;
}

export const escapePart = (part: string): string => part.replaceAll('%', '%25').replaceAll('|', '%7C');
const unescapePart = (part: string): string => part.replaceAll('%7C', '|').replaceAll('%25', '%');

const isFinding = (text: string): text is Finding => (FINDINGS as readonly string[]).includes(text);
const isConstruct = (text: string): text is ConstructId => Object.hasOwn(CONSTRUCTS, text);

/** Takes a fingerprint apart; `undefined` for what is none of this version's, such as the linter's. */
export function parseFingerprint(fingerprint: string): FingerprintParts | undefined {
	const parts = fingerprint.split('|').map(unescapePart);
	if (parts.length !== 10) return undefined;
	const [cluster, finding, construct, direction, subject, peer, port, protocol, policy, ruleHash] = parts as [
		string,
		string,
		string,
		string,
		string,
		string,
		string,
		string,
		string,
		string,
	];
	if (!isFinding(finding) || (construct !== '-' && !isConstruct(construct))) return undefined;
	return {
		cluster,
		finding,
		...(construct !== '-' && { construct: construct as ConstructId }),
		direction,
		subject,
		peer,
		port,
		protocol,
		...(policy !== '-' && { policy }),
		...(ruleHash !== '-' && { ruleHash }),
	};
}
