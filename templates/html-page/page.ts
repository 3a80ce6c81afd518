const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A page that greets somebody. The name comes from outside, so it is escaped. */
export function page(name: string): string {
  const text = name.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  return `<!doctype html><title>Hello</title><h1>Hello, ${text}!</h1>`;
}
