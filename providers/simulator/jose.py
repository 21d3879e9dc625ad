"""Just enough of JWS to check what a client signed: RS, PS and ES, public keys in JWK, thumbprints."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_THUMBED = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}


class BadToken(ValueError):
    """Not a JWS, or not signed by this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jws:
    """A compact JWS taken apart, not yet verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def unpack(text: str) -> bytes:
    """Bytes of unpadded base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pack(data: bytes) -> str:
    """Unpadded base64url of bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(text: str) -> Jws:
    """Take a compact JWS apart. Raises BadToken."""
    parts = text.split(".")
    if len(parts) != 3:
        raise BadToken("a JWT has three parts")
    try:
        header, claims = (orjson.loads(unpack(part)) for part in parts[:2])
        signature = unpack(parts[2])
    except ValueError as error:
        raise BadToken(f"unreadable JWT: {error}") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("header and claims are objects")
    return Jws(header=header, claims=claims, signed=f"{parts[0]}.{parts[1]}".encode(), signature=signature)


def verify(jws: Jws, key: PublicKey) -> None:
    """Check the signature with this key. Raises BadToken."""
    algorithm = str(jws.header.get("alg", ""))
    digest = _HASHES.get(algorithm[2:])
    try:
        if digest is not None and algorithm.startswith("RS") and isinstance(key, rsa.RSAPublicKey):
            key.verify(jws.signature, jws.signed, padding.PKCS1v15(), digest)
            return
        if digest is not None and algorithm.startswith("PS") and isinstance(key, rsa.RSAPublicKey):
            salted = padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.AUTO)
            key.verify(jws.signature, jws.signed, salted, digest)
            return
        if digest is not None and algorithm.startswith("ES") and isinstance(key, ec.EllipticCurvePublicKey):
            half = len(jws.signature) // 2
            r, s = (int.from_bytes(part) for part in (jws.signature[:half], jws.signature[half:]))
            key.verify(encode_dss_signature(r, s), jws.signed, ec.ECDSA(digest))
            return
    except InvalidSignature:
        raise BadToken("the signature is not by the key that is registered") from None
    raise BadToken(f"algorithm {algorithm!r} does not go with the key")


def from_jwk(jwk: dict[str, Any]) -> PublicKey:
    """The public key of a JWK. Raises BadToken, also for one with private parts."""
    if "d" in jwk:
        raise BadToken("a proof carries the public key only")
    try:
        if jwk["kty"] == "RSA":
            n, e = (int.from_bytes(unpack(jwk[name])) for name in ("n", "e"))
            return rsa.RSAPublicNumbers(e, n).public_key()
        x, y = (int.from_bytes(unpack(jwk[name])) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, _CURVES[jwk["crv"]]).public_key()
    except (KeyError, TypeError, ValueError) as error:
        raise BadToken(f"unreadable key: {error}") from None


def thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638."""
    told = {name: jwk[name] for name in _THUMBED[jwk["kty"]]}
    return pack(hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest())
