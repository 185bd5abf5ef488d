export async function benchLists(_directory: string): Promise<void> {}
