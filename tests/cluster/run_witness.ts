/** Prints the path of each request: every run of a function sends one. Its arguments are the address and the port. */
const [hostname = "", port = ""] = Deno.args;
const listen = { hostname, port: Number(port), onListen: () => console.log("ready") };
Deno.serve(listen, (request) => {
  console.log(new URL(request.url).pathname.slice(1));
  return new Response("seen");
});
