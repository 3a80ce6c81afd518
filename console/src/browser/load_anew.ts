/**
 * Loads an address of this server in place of the page, so that nothing of the page stays in memory. Never resolves.
 */
export function loadAnew(address: string): Promise<never> {
  const { location } = globalThis;
  // The browser may show the page from its memory again, as it was left.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  // To assign the address that the page has would only scroll to its fragment.
  if (new URL(address, location.href).href === location.href) location.reload();
  else location.assign(address);
  return new Promise(() => {});
}
