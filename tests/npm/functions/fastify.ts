/** Answers requests without a port, by its `inject`. */
import Fastify from "npm:fastify@5.6.2";

const app = Fastify();
app.get("/users/:id", (request) => ({ id: (request.params as { id: string }).id }));

export default async () => {
  const { statusCode, payload } = await app.inject({ method: "GET", url: "/users/7" });
  return { statusCode, payload };
};
