/** A statement, and the condition without which it is not run. */
export interface Guarded {
	readonly condition: string | undefined;
	readonly statement: string;
}

const GUARD = /^IF ([\s\S]*?\n\)) THEN\n([\s\S]*);\nEND IF;\s*$/;

/**
 * Takes `IF condition THEN statement; END IF;` apart: neither the analyser nor the emulator takes a script. Comments above it are dropped. What
 * is no such script is a statement that always runs.
 */
export function takeApart(sql: string): Guarded {
	const [, condition, statement] = GUARD.exec(sql.replace(/^(?:--.*\n)*/, '')) ?? [];
	return statement === undefined ? { condition: undefined, statement: sql } : { condition, statement };
}
