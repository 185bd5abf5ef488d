export async function runCli(_args: readonly string[], _io: unknown): Promise<number> { return 1; }
