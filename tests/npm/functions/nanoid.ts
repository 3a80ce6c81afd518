/** Makes random identifiers, in packages that are imported when they are needed. */
export default async function main() {
  const { customAlphabet, nanoid } = await import("npm:nanoid@5.1.16");
  const { nanoid: insecure } = await import("npm:nanoid@5.1.16/non-secure");
  return {
    lengths: [nanoid().length, insecure(7).length],
    digits: /^\d{12}$/.test(customAlphabet("0123456789", 12)()),
    differ: nanoid() !== nanoid(),
  };
}
