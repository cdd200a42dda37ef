//! Letters that only their reader can open: S/MIME, the whole letter in an envelope (RFC 5652) for the certificate of a person.
//!
//! AES-256-CBC under a key of the letter alone; RSA (PKCS #1 v1.5) or an agreement on P-256 or P-384 carries it to the reader. That is what RFC
//! 5751 asks of mail programs and what those in offices read; many of them do not read the newer AES-GCM and OAEP. Subject and other headers
//! stand outside: of the subject only what it begins with, up to the night.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::cipher::{self, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap as _};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use chrono::{DateTime, NaiveDate, Utc};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, KeyTransRecipientInfo,
    OriginatorIdentifierOrKey, OriginatorPublicKey, RecipientEncryptedKey, RecipientIdentifier, RecipientInfo, RecipientInfos,
};
use der::asn1::{BitString, ObjectIdentifier, OctetString, Uint};
use der::{Any, Decode as _, DecodePem as _, Encode, Sequence, Tag};
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Body, MessageBuilder, MultiPart};
use lettre::{Message, message::header};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate as X509;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{KeyUsage, SubjectAltName};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

/// Shorter RSA keys are no longer safe (NIST SP 800-131A; GB/T 39786 asks for the same strength).
const RSA_BITS_MIN: usize = 2048;

/// How long the key of a letter is.
const KEY_BYTES: usize = 32;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const EMAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const AES_256_WRAP: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.45");
/// dhSinglePass-stdDH-sha256kdf-scheme of RFC 5753.
const AGREEMENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.1.11.1");

/// The certificate of a reader, and what letters need of it.
#[derive(Clone)]
pub struct Certificate {
    /// Its file.
    pub path: PathBuf,
    /// Mail addresses in it.
    pub addresses: Vec<String>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    holder: IssuerAndSerialNumber,
    key: Key,
}

/// A public key.
#[derive(Clone)]
enum Key {
    /// As DER, with its algorithm.
    Rsa(Vec<u8>),
    /// A curve, the algorithm that names it, and a point on it.
    Ec(&'static agreement::Algorithm, AlgorithmIdentifierOwned, Vec<u8>),
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("path", &self.path).field("until", &self.until).finish_non_exhaustive()
    }
}

/// The certificates of everybody who has one.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Vec<Holder>);

#[derive(Clone, Debug)]
struct Holder {
    person: String,
    address: String,
    certificate: Certificate,
}

impl Certificates {
    /// Adds that of a person.
    pub fn add(&mut self, person: &str, address: &str, certificate: Certificate) {
        self.0.push(Holder { person: person.to_owned(), address: address.to_lowercase(), certificate });
    }

    /// The certificate that a letter must be encrypted for: its reader's, or that of whoever has the address by another role.
    pub fn of(&self, reader: &str, address: &str) -> Option<&Certificate> {
        let address = address.to_lowercase();
        let reads = self.0.iter().find(|it| it.person == reader);
        reads.or_else(|| self.0.iter().find(|it| it.address == address)).map(|it| &it.certificate)
    }

    /// Whose letters wait because the certificate does not hold now, and why.
    pub fn unusable(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().filter_map(move |it| Some((it.person.as_str(), it.certificate.holds(now).err()?)))
    }

    /// Person, address and certificate of everybody who has one.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &Certificate)> {
        self.0.iter().map(|it| (it.person.as_str(), it.address.as_str(), &it.certificate))
    }
}

impl Certificate {
    /// Reads it and checks all that does not change with time; says what is wrong and what to do.
    pub fn read(path: &Path) -> Result<Certificate, (String, &'static str)> {
        const PEM: &str = "a certificate in PEM; of one in DER: openssl x509 -inform der -in X.cer -out X.pem";
        let text = std::fs::read(path).map_err(|err| (format!("the certificate cannot be read: {err}"), PEM))?;
        let read = X509::from_pem(&text).map_err(|err| (format!("this is no certificate: {err}"), PEM))?;
        let tbs = read.tbs_certificate;
        let key = key(&tbs.subject_public_key_info)?;
        let damaged = |what: &str| (format!("{what} of the certificate cannot be read"), "ask its owner for a new one");
        if let Some((_, usage)) = tbs.get::<KeyUsage>().map_err(|_| damaged("the key usage"))? {
            let encrypts = match &key {
                Key::Rsa(_) => usage.key_encipherment(),
                Key::Ec(..) => usage.key_agreement(),
            };
            if !encrypts {
                let hint = "people who have two certificates have one for signing and one for encryption: take the other";
                return Err(("this certificate is for signing alone".to_owned(), hint));
            }
        }
        let alternative = tbs.get::<SubjectAltName>().map_err(|_| damaged("the other name"))?;
        let mail = |it: &GeneralName| if let GeneralName::Rfc822Name(it) = it { Some(it.to_string()) } else { None };
        let mut addresses: Vec<String> = alternative.iter().flat_map(|it| &it.1.0).filter_map(mail).collect();
        let named = tbs.subject.0.iter().flat_map(|it| it.0.iter()).filter(|it| it.oid == EMAIL);
        addresses.extend(named.map(|it| String::from_utf8_lossy(it.value.value()).into_owned()));
        let (from, until) = (instant(tbs.validity.not_before), instant(tbs.validity.not_after));
        let holder = IssuerAndSerialNumber { issuer: tbs.issuer, serial_number: tbs.serial_number };
        Ok(Certificate { path: path.to_owned(), addresses, from, until, holder, key })
    }

    /// Whether it holds now; says why not.
    pub fn holds(&self, now: DateTime<Utc>) -> Result<(), String> {
        let path = self.path.display();
        let (from, until) = (self.from.date_naive(), self.until.date_naive());
        if now > self.until {
            return Err(format!("证书 {path} 已于 {until} 到期 (the certificate expired)"));
        }
        if now < self.from {
            return Err(format!("证书 {path} 自 {from} 起有效 (the certificate does not hold yet)"));
        }
        Ok(())
    }

    /// Whether it is for this address.
    pub fn is_for(&self, address: &str) -> bool {
        self.addresses.iter().any(|it| it.eq_ignore_ascii_case(address))
    }

    /// The letter with all of `content` in the envelope, and its head outside.
    pub fn enclose(&self, head: MessageBuilder, content: &MultiPart) -> Result<Message, String> {
        let sealed =
            self.seal(&content.formatted()).map_err(|why| format!("the letter cannot be encrypted for {}: {why}", self.path.display()))?;
        let kind =
            ContentType::parse("application/pkcs7-mime; smime-type=enveloped-data; name=\"smime.p7m\"").map_err(|err| err.to_string())?;
        let body = Body::new_with_encoding(sealed, ContentTransferEncoding::Base64).map_err(|_| "bytes cannot be written as base64")?;
        let head = head.header(header::MIME_VERSION_1_0).header(kind).header(ContentDisposition::attachment("smime.p7m"));
        head.body(body).map_err(|err| err.to_string())
    }

    /// The envelope around `clear`, as DER.
    fn seal(&self, clear: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut key = [0; KEY_BYTES];
        rand::fill(&mut key)?;
        let mut content = clear.to_vec();
        let encrypts = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&cipher::AES_256, &key)?)?;
        let DecryptionContext::Iv128(iv) = encrypts.encrypt(&mut content)? else { return Err(Broken::Cipher) };
        let iv: &[u8; 16] = iv.as_ref();
        let (version, recipient) = match &self.key {
            Key::Rsa(public) => (CmsVersion::V0, self.carried(public, &key)?),
            Key::Ec(curve, algorithm, point) => (CmsVersion::V2, self.agreed(curve, algorithm, point, &key)?),
        };
        let enveloped = EnvelopedData {
            version,
            originator_info: None,
            recip_infos: RecipientInfos::try_from(vec![recipient])?,
            encrypted_content: EncryptedContentInfo {
                content_type: DATA,
                content_enc_alg: AlgorithmIdentifierOwned { oid: AES_256_CBC, parameters: Some(Any::new(Tag::OctetString, *iv)?) },
                encrypted_content: Some(OctetString::new(content)?),
            },
            unprotected_attrs: None,
        };
        Ok(ContentInfo { content_type: ENVELOPED_DATA, content: Any::encode_from(&enveloped)? }.to_der()?)
    }

    /// The key of the letter, encrypted with RSA.
    fn carried(&self, public: &[u8], key: &[u8]) -> Result<RecipientInfo, Broken> {
        let public = Pkcs1PublicEncryptingKey::new(rsa(public)?)?;
        let mut carried = vec![0; public.ciphertext_size()];
        let carried = public.encrypt(key, &mut carried)?;
        Ok(RecipientInfo::Ktri(KeyTransRecipientInfo {
            version: CmsVersion::V0,
            rid: RecipientIdentifier::IssuerAndSerialNumber(self.holder.clone()),
            key_enc_alg: AlgorithmIdentifierOwned { oid: RSA, parameters: Some(Any::null()) },
            enc_key: OctetString::new(&*carried)?,
        }))
    }

    /// The key of the letter, wrapped under one that a key of this letter alone and the reader's agree on (RFC 5753).
    fn agreed(
        &self,
        curve: &'static agreement::Algorithm,
        algorithm: &AlgorithmIdentifierOwned,
        point: &[u8],
        key: &[u8],
    ) -> Result<RecipientInfo, Broken> {
        let ours = EphemeralPrivateKey::generate(curve, &SystemRandom::new())?;
        let our_point = ours.compute_public_key()?;
        let wraps = AlgorithmIdentifierOwned { oid: AES_256_WRAP, parameters: None };
        let bits = OctetString::new((KEY_BYTES as u32 * 8).to_be_bytes())?;
        let shared = SharedInfo { key_info: wraps.clone(), supp_pub_info: bits }.to_der()?;
        let wrapping = agree_ephemeral(ours, UnparsedPublicKey::new(curve, point), Broken::Cipher, |secret| {
            // X9.63: one block of SHA-256 is the whole key.
            Ok(Sha256::new().chain_update(secret).chain_update(1_u32.to_be_bytes()).chain_update(&shared).finalize())
        })?;
        let mut wrapped = [0; KEY_BYTES + 8];
        let wrapped = AesKek::new(&key_wrap::AES_256, &wrapping)?.wrap(key, &mut wrapped)?;
        Ok(RecipientInfo::Kari(KeyAgreeRecipientInfo {
            version: CmsVersion::V3,
            originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
                algorithm: algorithm.clone(),
                public_key: BitString::from_bytes(our_point.as_ref())?,
            }),
            ukm: None,
            key_enc_alg: AlgorithmIdentifierOwned { oid: AGREEMENT, parameters: Some(Any::encode_from(&wraps)?) },
            recipient_enc_keys: vec![RecipientEncryptedKey {
                rid: KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(self.holder.clone()),
                enc_key: OctetString::new(&*wrapped)?,
            }],
        }))
    }
}

/// ECC-CMS-SharedInfo of RFC 5753.
#[derive(Sequence)]
struct SharedInfo {
    key_info: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    supp_pub_info: OctetString,
}

/// RSAPublicKey of RFC 8017.
#[derive(Sequence)]
struct RsaPublicKey {
    modulus: Uint,
    public_exponent: Uint,
}

/// Why something cannot be encrypted; a certificate that was read has none of it.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the cipher failed")]
    Cipher,
    #[error("the envelope cannot be written: {0}")]
    Envelope(#[from] der::Error),
}

impl From<Unspecified> for Broken {
    fn from(_: Unspecified) -> Broken {
        Broken::Cipher
    }
}

fn key(public: &x509_cert::spki::SubjectPublicKeyInfoOwned) -> Result<Key, (String, &'static str)> {
    let none = "letters are encrypted for RSA keys of 2048 bits or more, and for EC keys on P-256 and P-384";
    let damaged = || ("the key of the certificate cannot be read".to_owned(), none);
    let algorithm = &public.algorithm;
    if algorithm.oid == RSA {
        let numbers = public.subject_public_key.as_bytes().and_then(|it| RsaPublicKey::from_der(it).ok()).ok_or_else(damaged)?;
        let bits = numbers.modulus.as_bytes().len() * 8;
        if bits < RSA_BITS_MIN {
            return Err((format!("the key of the certificate is too short: {bits} bits"), none));
        }
        let der = public.to_der().map_err(|_| damaged())?;
        return rsa(&der).map(|_| Key::Rsa(der)).map_err(|_| damaged());
    }
    let curve = algorithm.parameters.as_ref().and_then(|it| it.decode_as::<ObjectIdentifier>().ok()).filter(|_| algorithm.oid == EC);
    let curve = match curve {
        Some(P256) => &ECDH_P256,
        Some(P384) => &ECDH_P384,
        _ => return Err((format!("the key of the certificate is of another kind ({})", curve.unwrap_or(algorithm.oid)), none)),
    };
    let point = public.subject_public_key.as_bytes().ok_or_else(damaged)?;
    Ok(Key::Ec(curve, algorithm.clone(), point.to_vec()))
}

fn rsa(public: &[u8]) -> Result<PublicEncryptingKey, Broken> {
    PublicEncryptingKey::from_der(public).map_err(|_| Broken::Cipher)
}

fn instant(time: Time) -> DateTime<Utc> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What may stand outside the envelope of a subject: the names in brackets that it begins with, and the day.
pub fn outside(subject: &str) -> String {
    let mut rest = subject;
    while let Some(end) = rest.starts_with(['【', '[']).then(|| rest.find(['】', ']'])).flatten() {
        rest = rest[end..].trim_start_matches(['】', ']']).trim_start();
    }
    let day = rest.get(..10).filter(|it| it.parse::<NaiveDate>().is_ok()).unwrap_or_default();
    format!("{}{day}", &subject[..subject.len() - rest.len()]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A certificate by openssl, of a key by `kind`, for some days, with more of its arguments; its folder holds `cert.pem` and `key.pem`.
    fn certificate(kind: &[&str], days: &str, more: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let subject = ["-nodes", "-subj", "/C=CN/O=市财政局/CN=王蕾", "-utf8", "-keyout", "key.pem", "-out", "cert.pem"];
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-days", days]).args(kind).args(subject).args(more).current_dir(folder.path());
        let done = command.output().expect("apt-get install openssl");
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
        folder
    }

    const RSA_2048: &[&str] = &["-newkey", "rsa:2048"];

    fn read(folder: &tempfile::TempDir) -> Result<Certificate, (String, &'static str)> {
        Certificate::read(&folder.path().join("cert.pem"))
    }

    /// What openssl finds in the letter.
    fn opened(folder: &tempfile::TempDir, letter: &[u8]) -> Vec<u8> {
        std::fs::write(folder.path().join("letter"), letter).expect("to write");
        let arguments = ["cms", "-decrypt", "-in", "letter", "-recip", "cert.pem", "-inkey", "key.pem"];
        let done = Command::new("openssl").args(arguments).current_dir(folder.path()).output().expect("apt-get install openssl");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    #[test]
    fn another_program_opens_a_letter_with_the_key_of_its_reader() {
        let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let p384 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
        for kind in [RSA_2048, &["-newkey", "rsa:4096"], &p256, &p384] {
            let folder = certificate(kind, "30", &["-addext", "subjectAltName=email:wang.lei@city.example"]);
            let certificate = read(&folder).expect("a good certificate");
            assert!(certificate.is_for("Wang.Lei@city.example") && !certificate.is_for("li.na@city.example"));
            let content = MultiPart::alternative_plain_html("新增 3 件\r\n".repeat(2000), "<p>新增 3 件</p>".to_owned());
            let head =
                Message::builder().from("a@city.example".parse().expect("an address")).to("b@city.example".parse().expect("an address"));
            let letter = certificate.enclose(head.subject("s"), &content).expect("it is encrypted").formatted();
            let text = String::from_utf8(letter.clone()).expect("seven bits");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            let head = head.replace("\r\n ", " ");
            assert!(head.contains("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=\"smime.p7m\""), "{head}");
            assert!(head.contains("MIME-Version: 1.0") && head.contains("Content-Transfer-Encoding: base64"), "{head}");
            assert!(
                body.split("\r\n").all(|it| it.len() <= 76 && it.bytes().all(|it| it.is_ascii_graphic())),
                "lines of base64 and nothing else"
            );
            assert_eq!(opened(&folder, &letter), content.formatted(), "{kind:?}");
            assert_ne!(
                certificate.seal(b"a").expect("sealed"),
                certificate.seal(b"a").expect("sealed"),
                "every letter has a key of its own"
            );
        }
    }

    #[test]
    fn a_certificate_that_letters_cannot_be_encrypted_for_is_told() {
        let told = |folder: &tempfile::TempDir| read(folder).expect_err("it is refused").0;
        assert!(told(&certificate(&["-newkey", "rsa:1024"], "30", &[])).contains("too short: 1024"));
        assert!(told(&certificate(&["-newkey", "ed25519"], "30", &[])).contains("another kind"));
        assert!(told(&certificate(RSA_2048, "30", &["-addext", "keyUsage=digitalSignature"])).contains("signing alone"));
        let folder = certificate(RSA_2048, "30", &["-addext", "keyUsage=keyEncipherment"]);
        assert!(read(&folder).is_ok());
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(folder.path().join("cert.pem"), text).expect("to write");
            assert!(told(&folder).contains("no certificate"), "{text}");
        }
        std::fs::remove_file(folder.path().join("cert.pem")).expect("it was there");
        assert!(told(&folder).contains("cannot be read"));
    }

    #[test]
    fn it_holds_from_its_first_day_to_its_last_and_a_reader_is_known_by_id_and_address() {
        let certificate =
            read(&certificate(RSA_2048, "30", &["-addext", "subjectAltName=email:a@city.example"])).expect("a good certificate");
        let day = chrono::TimeDelta::days(1);
        assert!(certificate.holds(certificate.from).is_ok() && certificate.holds(certificate.until).is_ok());
        assert!(certificate.holds(certificate.from - day).expect_err("too early").contains("not hold yet"));
        assert!(certificate.holds(certificate.until + day).expect_err("too late").contains("expired"));
        let mut all = Certificates::default();
        all.add("wang-lei", "Wang.Lei@city.example", certificate.clone());
        assert!(all.of("wang-lei", "old@city.example").is_some(), "a letter that was queued before the address changed");
        assert!(all.of("finance", "wang.lei@City.example").is_some(), "the same mailbox by another role");
        assert!(all.of("finance", "finance@city.example").is_none());
        assert_eq!(all.unusable(certificate.until).count(), 0);
        assert_eq!(all.unusable(certificate.until + day).map(|it| it.0).collect::<Vec<_>>(), ["wang-lei"]);
    }

    #[test]
    fn of_the_subject_only_what_it_begins_with_stands_outside() {
        for (subject, stays) in [
            ("【编制核对】2026-11-15 新增 3 · 重现 1 · 未结 12（财政局）", "【编制核对】2026-11-15"),
            ("【更正】【编制核对】2026-11-15 新增 3", "【更正】【编制核对】2026-11-15"),
            ("[corrected] [muster] 2026-11-15: 3 new", "[corrected] [muster] 2026-11-15"),
            ("[muster] a test", "[muster]"),
            ("【编制核对】市财政局", "【编制核对】"),
            ("3 new", ""),
        ] {
            assert_eq!(outside(subject), stays);
        }
    }
}
