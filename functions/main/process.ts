import { type Config, parseConfig } from '../config.ts';

export const now = (): Date => new Date();

/** One line of Cloud Logging's structured logs. */
export const log = (line: object): void => {
	process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** The process's configuration. Throws, so that it does not start, where some of it is missing or bad. */
export function readConfig(): Config {
	const parsed = parseConfig(process.env);
	if (parsed.kind === 'refused') throw new Error(`the configuration is not complete:\n${parsed.problems.join('\n')}`);
	return parsed.config;
}
