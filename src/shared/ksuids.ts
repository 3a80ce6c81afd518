/** What the texts of KSUIDs contain: 27 base62 digits, a time in seconds and 128 bits; see https://github.com/segmentio/ksuid. */

/** Seconds from the Unix epoch to that of KSUIDs. */
export const KSUID_EPOCH_SECONDS = 1_400_000_000;
export const KSUID_PAYLOAD_BITS = 128n;
export const KSUID_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** When an id was made, to a second; undefined for a text that is no KSUID. */
export function timeOfKsuid(id: string): Date | undefined {
  if (!/^[0-9A-Za-z]{27}$/.test(id)) return undefined;
  const base = BigInt(KSUID_DIGITS.length);
  let number = 0n;
  for (const digit of id) number = number * base + BigInt(KSUID_DIGITS.indexOf(digit));
  const seconds = Number(number >> KSUID_PAYLOAD_BITS) + KSUID_EPOCH_SECONDS;
  return new Date(seconds * 1000);
}
