import { type Config, parseConfig } from '../config.ts';

export const now = (): Date => new Date();

/** One line of Cloud Logging's structured logs. */
export const log = (line: object): void => {
	process.stdout.write(`${JSON.stringify(line)}\n`);
};

type Parsed<Of> = { readonly kind: 'ok'; readonly config: Of } | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** The configuration that was parsed. Throws, so that the process does not start, where some of it is missing or bad. */
export function configOf<Of>(parsed: Parsed<Of>): Of {
	if (parsed.kind === 'refused') throw new Error(`the configuration is not complete:\n${parsed.problems.join('\n')}`);
	return parsed.config;
}

/** Of the functions that judge and collect. */
export const readConfig = (): Config => configOf(parseConfig(process.env));
