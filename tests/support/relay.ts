/** A relay of TCP that a test can cut, slow down, or silence. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** What the relay does with data: passes it on, or takes it and passes nothing on. */
interface Flow {
  toServer: "pass" | "swallow";
  toClient: "pass" | "swallow";
}

export class Relay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Socket>();
  /** Sockets that stay open after the end of the other side. */
  readonly #kept = new WeakSet<Socket>();
  /** Sockets whose data is lost. */
  readonly #silent = new WeakSet<Socket>();
  readonly #flow: Flow = { toServer: "pass", toClient: "pass" };

  #trigger: { readonly text: string; readonly arrives: boolean } | undefined;
  #before: { readonly text: string; readonly work: () => Promise<void> } | undefined;
  #replaced: readonly [string, string] | undefined;
  #delayMs = 0;
  #rejectsConnections = false;
  /** Connections that it has accepted so far. */
  accepted = 0;
  /** Round trips of all connections so far: how often a client sent something after the last answer of its server. */
  roundTrips = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Relays a free port of loopback to this one. */
  static async to(port: number): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on("connection", (client) => {
      if (relay.#rejectsConnections) client.destroy();
      else relay.#join(client, connect(port, "127.0.0.1"));
    });
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("Cannot find the port");
    return address.port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** From here on takes data of this direction and passes nothing on. */
  swallow(direction: keyof Flow): void {
    this.#flow[direction] = "swallow";
  }

  /** From here on passes nothing on for the connections that are open; later ones are relayed. */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket);
  }

  /** Ends every connection in place of the next data on its way to the server that has this text. */
  cutBefore(text: string): void {
    this.#trigger = { text, arrives: false };
  }

  /** Ends every connection in place of the server's answer to the next data that has this text. */
  cutAfter(text: string): void {
    this.#trigger = { text, arrives: true };
  }

  /** Does this before the next data that has this text goes on to the server. */
  before(text: string, work: () => Promise<void>): void {
    this.#before = { text, work };
  }

  /** From here on every such text in answers of the server arrives as another one of the same length. */
  replaceInAnswers(text: string, by: string): void {
    this.#replaced = [text, by];
  }

  /** From here on ends every new connection; those that are open continue. */
  rejectConnections(): void {
    this.#rejectsConnections = true;
  }

  /** Ends what {@link rejectConnections} began. */
  acceptConnections(): void {
    this.#rejectsConnections = false;
  }

  /** From here on each piece of data waits so long before it is passed on, and what follows it waits, too. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Ends every connection for its client alone: its server does not notice, and the server's answers are lost. */
  cutClients(): void {
    for (const socket of this.#sockets) if (!this.#clients.has(socket)) this.#kept.add(socket);
    for (const client of this.#clients) client.destroy();
  }

  /** Says to every client that no more data comes, as a gateway does with an idle connection, and keeps the connection open. */
  endClients(): void {
    for (const client of this.#clients) {
      this.#kept.add(client);
      client.end();
    }
  }

  /** Ends every connection; later ones are relayed. */
  cut(): void {
    this.#flow.toServer = this.#flow.toClient = "pass";
    this.#trigger = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    this.accepted++;
    this.#clients.add(client);
    const pairs = [[client, server, "toServer"], [server, client, "toClient"]] as const;
    let isAnswerLost = false;
    let isAnswered = true;
    for (const [from, to, direction] of pairs) {
      this.#sockets.add(from);
      from.on("data", async (data: Buffer) => {
        if (direction === "toServer" && isAnswered) this.roundTrips++;
        isAnswered = direction === "toClient";
        if (this.#silent.has(from)) return;
        if (this.#delayMs > 0) {
          from.pause();
          await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
          from.resume();
        }
        const before = direction === "toServer" ? this.#before : undefined;
        if (before !== undefined && data.includes(before.text)) {
          this.#before = undefined;
          from.pause();
          await before.work();
          from.resume();
        }
        if (direction === "toClient" && isAnswerLost) return this.cut();
        if (direction === "toServer" && this.#trigger && data.includes(this.#trigger.text)) {
          isAnswerLost = this.#trigger.arrives;
          if (!isAnswerLost) return this.cut();
        }
        if (this.#flow[direction] === "pass" && !to.destroyed) {
          to.write(direction === "toClient" ? this.#changed(data) : data);
        }
      });
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        this.#clients.delete(from);
        if (!this.#kept.has(to)) to.destroy();
      });
    }
  }

  #changed(data: Buffer): Buffer {
    if (this.#replaced === undefined) return data;
    const [text, by] = this.#replaced;
    return Buffer.from(data.toString("latin1").replaceAll(text, by), "latin1");
  }
}
