export const greeting = (from: string) => `Hello from ${from}.\n`;
