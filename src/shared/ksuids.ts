/** KSUIDs: a second and a payload of 128 bits in base 62, see https://github.com/segmentio/ksuid. */
import { base62, fromBase62 } from "./base62.ts";

const PAYLOAD_BITS = 128n;
const TEXT_LENGTH = 27;

/** The range of seconds, since 1970, that a KSUID can encode. */
const SECONDS = { first: 1_400_000_000, last: 1_400_000_000 + 0xffff_ffff } as const;

/** The bits of a KSUID: those of its second come first. */
export const KSUID_BITS = 32n + PAYLOAD_BITS;

/** The last KSUID. */
export const LAST_KSUID = ksuidOf((1n << KSUID_BITS) - 1n);

/** The KSUID of these bits. */
export function ksuidOf(bits: bigint): string {
  return base62(bits, TEXT_LENGTH);
}

/** The bits of a KSUID. */
export function bitsOfKsuid(id: string): bigint {
  return fromBase62(id);
}

/** The KSUID of a second, since 1970, and a payload: of the next second that a KSUID can encode, if it cannot encode this one. */
export function ksuidAt(second: number, payload: bigint): string {
  const encoded = Math.min(Math.max(second, SECONDS.first), SECONDS.last) - SECONDS.first;
  return ksuidOf(BigInt(encoded) << PAYLOAD_BITS | payload);
}

/** The payload of a KSUID. */
export function payloadOfKsuid(id: string): bigint {
  return BigInt.asUintN(Number(PAYLOAD_BITS), bitsOfKsuid(id));
}

/** When an id was made, to a second; undefined for a text that is no KSUID. */
export function timeOfKsuid(id: string): Date | undefined {
  if (!/^[0-9A-Za-z]{27}$/.test(id)) return undefined;
  const seconds = Number(bitsOfKsuid(id) >> PAYLOAD_BITS) + SECONDS.first;
  return new Date(seconds * 1000);
}
