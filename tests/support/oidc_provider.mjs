// A real OpenID provider in a process of its own: `oidc-provider`, with two clients and three people;
// other clients register themselves.
// Its first line tells where it is; lines of its standard input change what it says of people.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

// Its notices go to standard output, which here is for answers only.
console.info = () => {};

const people = new Map([
  ['ana', { name: 'Ana', groups: ['eng'] }],
  ['boss', { name: 'Boss', groups: ['muxi-admins'] }],
  ['cy', { name: 'Cy', groups: [] }],
]);
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const configuration = {
  jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig', kid: 'only' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  clients: [
    {
      client_id: 'muxi',
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: ['http://localhost/login/oidc/company/callback'],
      post_logout_redirect_uris: ['http://localhost/login'],
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'native',
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'robot',
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  // Clients of MCP register themselves.
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'] },
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, client) => (client.clientId === 'robot' ? 'urn:muxi' : undefined),
      getResourceServerInfo: (_, resource) => ({
        scope: 'muxi:threads.read',
        audience: resource === 'urn:muxi' ? 'muxi' : resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  findAccount: (_, id) => {
    const person = people.get(id);
    if (person === undefined) return undefined;
    return { accountId: id, claims: () => ({ sub: id, preferred_username: id, ...person }) };
  },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  // muxi's port is free to change; what follows it is not.
  const ours = (...paths) => (uri) => /^http:\/\/localhost:\d+\//.test(uri) && paths.includes(new URL(uri).pathname);
  provider.Client.prototype.redirectUriAllowed = ours('/login/oidc/company/callback', '/mcp-client');
  provider.Client.prototype.postLogoutRedirectUriAllowed = ours('/login');
  server.on('request', provider.callback());
  console.log(issuer);
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [name, groups] = line.split(' ');
    if (groups === undefined) people.delete(name);
    else people.get(name).groups = groups.split(',');
    console.log('done');
  })
  .on('close', () => process.exit(0));
