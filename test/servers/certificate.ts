/**
 * A certificate that proves nothing, for servers of tests on loopback (127.0.0.1 and kube-api.test), signed by itself until 2126. Made by
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=kube-api.test -addext
 * subjectAltName=IP:127.0.0.1,DNS:kube-api.test`.
 */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBpjCCAU2gAwIBAgIUa01iBzHYajZ49eprNfB2t3DalckwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNa3ViZS1hcGkudGVzdDAgFw0yNjExMjUxNTU2MTRaGA8yMTI2
MTEwMTE1NTYxNFowGDEWMBQGA1UEAwwNa3ViZS1hcGkudGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABA4GhNTuLREypSxhjLmfi39318CoSlaFdspiXSpn41cm
9bo7cnh4FdW2cUWecyBo9wS8SuORUNgCZBRWnkuBGHejczBxMB0GA1UdDgQWBBQv
asLwhmHxqqSaKW5UYEhIFMNnUDAfBgNVHSMEGDAWgBQvasLwhmHxqqSaKW5UYEhI
FMNnUDAPBgNVHRMBAf8EBTADAQH/MB4GA1UdEQQXMBWHBH8AAAGCDWt1YmUtYXBp
LnRlc3QwCgYIKoZIzj0EAwIDRwAwRAIgNR5LJOAvkXUOYPNDdOLq+Zaij0tu8BbC
fhxgWc/WRQACIDqIW5CC5BpsezIiY5zszNcqlxasMItf3d6TEHtbxiK3
-----END CERTIFICATE-----
`;

export const CERTIFICATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSCiszVMHrM9WnYHp
maDRwqutNjeKy2Af0kwScVZPiNmhRANCAAQOBoTU7i0RMqUsYYy5n4t/d9fAqEpW
hXbKYl0qZ+NXJvW6O3J4eBXVtnFFnnMgaPcEvErjkVDYAmQUVp5LgRh3
-----END PRIVATE KEY-----
`;
