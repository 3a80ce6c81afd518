/** Greets whoever the input names. */
export default function main(input: { name?: string }): { message: string } {
  const name = input.name ?? "world";
  console.log(`greeting ${name}`);
  return { message: `Hello, ${name}!` };
}
