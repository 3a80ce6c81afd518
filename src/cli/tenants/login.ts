import type { Command } from "commander";
import { C1_DEVICE_CLIENT } from "../../resources/device_clients.ts";
import {
  certificatesOf,
  deletePersonalClient,
  type LoginTarget,
  personalClientOf,
} from "../client/browser_login.ts";
import type { DeviceClient } from "../client/device_login.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

interface Options {
  readonly name?: string;
  readonly browser: boolean;
  readonly ca?: string;
  readonly json?: true;
}

const DEVICE: DeviceClient = {
  clientId: C1_DEVICE_CLIENT,
  command: "invoked tenants login",
  otherwise: "use a client of the tenant: invoked tenants add HOST --client-id ID",
};

/** `invoked tenants login`: adds a C1 tenant with a client of the person who approves it. */
export function register(command: Command): void {
  command
    .argument("<host>", "Host of the tenant, such as acme.conductor.one")
    .option("--name <NAME>", "Name of the tenant; by default the first label of its host")
    .option("--no-browser", "Print the address and the code, but open no browser")
    .option(
      "--ca <FILE>",
      "CA certificates (PEM) to trust for the sign-in; servers have --egress-ca",
    );
  const server = addServerOptions(command);
  addJsonOption(command);
  command.addHelpText("after", NOTES);
  addExamples(command, "invoked tenants login acme.conductor.one");
  command.action(async (host: string, { name = "", browser, ca, json }: Options) => {
    const caCerts = await certificatesOf(ca);
    const target: LoginTarget = { serverUrl: originOf(host), caCerts, isTenant: true };
    using api = await server.connect();
    const wanted = { device: DEVICE, roles: [], opensBrowser: browser };
    const client = await personalClientOf(target, wanted);
    try {
      const tenant = await api.tenants.add(host, name, client);
      if (json) printJson(tenant);
      else {
        console.log(
          `Added tenant ${oneLine(tenant.name)} (${tenant.id}) with client ${
            oneLine(client.clientId)
          }`,
        );
      }
    } catch (error) {
      // Nobody else has its secret.
      await deletePersonalClient(target, client).catch(() => {});
      throw error;
    }
  });
}

const NOTES = `
The new client belongs to the person, and may do at the tenant what the person may do: choose what a function may do there
with its setting tenant.`;

/** @throws {Failure} for a text that is no host */
function originOf(host: string): string {
  const url = /[/@?#\s]/.test(host) ? null : URL.parse(`https://${host}`);
  if (url !== null) return url.origin;
  throw new Failure(`Invalid host ${JSON.stringify(oneLine(host))}`, {
    next: "name the host of the tenant alone, such as acme.conductor.one",
    exit: "usage",
  });
}
