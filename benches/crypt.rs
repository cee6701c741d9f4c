//! Keys, signatures and sealed messages: what each costs, beside the `rsa` crate's own operation.
//!
//! `cargo bench --bench crypt`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halite::crypt::{
    Crypticle, EncryptionAlgorithm, KeyString, PrivateKey, PublicKey, SigningAlgorithm, VerifiedTokens,
};
use rsa::BoxedUint;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;

const SIZES: &str = include_str!("../tests/vectors/rsa-sizes.json");

/// The private key texts of the usual sizes.
fn keys() -> Vec<(usize, String)> {
    let sizes: serde_json::Value = serde_json::from_str(SIZES).expect("vectors are JSON");
    let entries = sizes["keys"].as_array().expect("a list of keys");
    let mut keys = vec![(2048, text(&sizes["forms"]["private"]))];
    for entry in entries {
        if let Some(bits @ (3072 | 4096)) = entry["bits"].as_u64() {
            keys.push((usize::try_from(bits).expect("small"), text(&entry["private"])));
        }
    }
    keys
}

fn text(json: &serde_json::Value) -> String {
    json.as_str().expect("PEM text").to_owned()
}

fn private_operation(c: &mut Criterion) {
    let mut group = c.benchmark_group("private operation");
    group.sample_size(20);
    for (bits, pem) in keys() {
        let ours = PrivateKey::from_pem(&pem, None).expect("vector key");
        group.bench_function(BenchmarkId::new("ours", bits), |b| {
            b.iter(|| ours.private_encrypt(black_box(b"salt")));
        });
        let theirs = rsa::PrivateKey::from_pkcs1_pem(&pem).expect("vector key");
        let input = BoxedUint::from_be_slice(&[5; 256], theirs.n_bits_precision())
            .expect("as long as the shortest modulus");
        group.bench_function(BenchmarkId::new("rsa crate", bits), |b| {
            b.iter(|| {
                rsa::hazmat::rsa_decrypt_and_check(&theirs, Some(&mut rand::rngs::SysRng), black_box(&input))
            });
        });
    }
}

fn public_operations(c: &mut Criterion) {
    let mut group = c.benchmark_group("2048 bits");
    let (_, pem) = keys().swap_remove(0);
    let key = PrivateKey::from_pem(&pem, None).expect("vector key");
    let public = key.public_key().clone();
    let public_pem = public.to_pem();
    group.bench_function("parse public", |b| {
        b.iter(|| PublicKey::from_pem(black_box(&public_pem)));
    });
    group.bench_function("parse private", |b| {
        b.iter(|| PrivateKey::from_pem(black_box(&pem), None));
    });

    let algorithm = SigningAlgorithm::Pkcs1v15Sha1;
    let signature = key.sign(algorithm, b"message").expect("a signature");
    group.bench_function("sign", |b| b.iter(|| key.sign(algorithm, black_box(b"message"))));
    group.bench_function("verify", |b| {
        b.iter(|| public.verify(algorithm, b"message", black_box(&signature)));
    });

    let key_string = KeyString::generate();
    let secret = key_string.as_str().as_bytes();
    let oaep = EncryptionAlgorithm::OaepSha1;
    let ciphertext = public.encrypt(oaep, secret).expect("a ciphertext");
    group.bench_function("oaep encrypt", |b| b.iter(|| public.encrypt(oaep, black_box(secret))));
    group.bench_function("oaep decrypt", |b| b.iter(|| key.decrypt(oaep, black_box(&ciphertext))));

    let tok = key.private_encrypt(b"salt").expect("a token");
    group.bench_function("token, first time", |b| b.iter(|| public.recover(black_box(&tok))));
    let tokens = VerifiedTokens::new(1000);
    group.bench_function("token, remembered", |b| {
        b.iter(|| tokens.verify("web1", &public, black_box(&tok)));
    });
}

fn crypticle(c: &mut Criterion) {
    let mut group = c.benchmark_group("crypticle");
    let crypticle = Crypticle::new(&KeyString::generate());
    for (name, size) in [("1 KiB", 1 << 10), ("1 MiB", 1 << 20)] {
        let message = vec![0x5a; size];
        let sealed = crypticle.encrypt(&message, None);
        group.throughput(Throughput::Bytes(u64::try_from(size).expect("small")));
        group.bench_function(BenchmarkId::new("encrypt", name), |b| {
            b.iter(|| crypticle.encrypt(black_box(&message), None));
        });
        group.bench_function(BenchmarkId::new("decrypt", name), |b| {
            b.iter(|| crypticle.decrypt(black_box(&sealed)));
        });
    }
}

criterion_group!(benches, private_operation, public_operations, crypticle);
criterion_main!(benches);
