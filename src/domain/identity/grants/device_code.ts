import type { Granted } from "../access_tokens.ts";
import type { DeviceRedemption } from "../device_redemption.ts";
import { type Grant, required } from "./grant.ts";

/** An approved device code (RFC 8628, section 3.4). */
export class DeviceCodeGrant implements Grant {
  readonly type = "urn:ietf:params:oauth:grant-type:device_code";

  constructor(private readonly redemption: DeviceRedemption) {}

  async authenticate(form: URLSearchParams, address: string | undefined): Promise<Granted> {
    const clientId = required(form, "client_id");
    const deviceCode = required(form, "device_code");
    return { client: await this.redemption.redeem(clientId, deviceCode, address) };
  }
}
