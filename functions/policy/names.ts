/**
 * The API server's rules for names, labels and ports. Each function returns what is wrong, or `undefined`.
 * Source: k8s.io/apimachinery/pkg/util/validation.
 */

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const MAX_SUBDOMAIN = 253;
const MAX_LABEL = 63;
const MAX_PORT_NAME = 15;

const tooLong = (length: number): string => `must be no more than ${length} characters`;

export function subdomainProblem(name: string): string | undefined {
	if (name.length > MAX_SUBDOMAIN) return tooLong(MAX_SUBDOMAIN);
	if (SUBDOMAIN.test(name)) return undefined;
	return "must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit";
}

export function dnsLabelProblem(name: string): string | undefined {
	if (name.length > MAX_LABEL) return tooLong(MAX_LABEL);
	if (DNS_LABEL.test(name)) return undefined;
	return "must consist of lower case letters, digits or '-', and start and end with a letter or digit";
}

/** A label or annotation key: an optional prefix, a slash, a name. */
export function labelKeyProblem(key: string): string | undefined {
	const slash = key.indexOf('/');
	const prefix = slash < 0 ? undefined : key.slice(0, slash);
	const name = key.slice(slash + 1);
	if (name.includes('/')) return 'must be a name with at most one prefix, such as example.com/name';
	if (prefix === '') return 'must not have an empty prefix';
	const problem = prefix === undefined ? undefined : subdomainProblem(prefix);
	if (problem) return `prefix part ${problem}`;
	if (name === '') return 'name part must not be empty';
	if (name.length > MAX_LABEL) return `name part ${tooLong(MAX_LABEL)}`;
	if (QUALIFIED_PART.test(name)) return undefined;
	return "name part must consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit";
}

export function labelValueProblem(value: string): string | undefined {
	if (value.length > MAX_LABEL) return tooLong(MAX_LABEL);
	if (value === '' || QUALIFIED_PART.test(value)) return undefined;
	return "must be empty or consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit";
}

/** IANA service names, as container ports have them. */
export function portNameProblem(name: string): string | undefined {
	if (name.length > MAX_PORT_NAME) return tooLong(MAX_PORT_NAME);
	if (!/^[-a-z0-9]+$/.test(name)) return 'must contain only lower case letters, digits and hyphens';
	if (!/[a-z]/.test(name)) return 'must contain at least one letter (a-z)';
	if (name.includes('--')) return 'must not contain consecutive hyphens';
	return name.startsWith('-') || name.endsWith('-') ? 'must not begin or end with a hyphen' : undefined;
}

export const isPortNumber = (value: unknown): value is number =>
	Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535;
