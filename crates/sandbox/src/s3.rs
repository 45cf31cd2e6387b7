//! S3: the protocol by s3s, the storage our own.
//!
//! [`store`] holds buckets and objects, [`body`] their bytes as files, [`list`] pages through them, [`multipart`]
//! joins parts without copying; [`front`] is s3s's trait over them, [`served`] refuses what is not here, [`access`] decides
//! who may, [`encryption`] asks KMS where an object is encrypted under one of its keys, [`customer`] has the keys that come
//! with requests, [`versions`] keeps what was replaced or deleted, [`lock`] what nobody is to remove, [`scope`] refuses what is signed for another service,
//! [`sent`](mod@sent) hands a request to s3s, [`lifecycle`] removes what grew too old, and [`spelling`] writes names that
//! XML cannot carry; [`anew`] asks s3s in its words for what it does not know. ACLs are off, as in AWS's new buckets.

use std::sync::Arc;

use s3s::service::{S3Service, S3ServiceBuilder};

use super::world::World;

mod access;
mod anew;
mod body;
mod checksum;
mod convert;
mod customer;
mod encryption;
mod facts;
mod front;
mod lifecycle;
mod list;
mod lock;
mod multipart;
mod object;
mod scope;
mod sent;
mod served;
mod spelling;
mod store;
mod told;
mod versions;

pub(crate) use self::access::authorize;
pub(crate) use self::encryption::{open, seal};
pub(crate) use self::list::{After, Query};
pub(crate) use self::object::{About, Object};
pub(crate) use self::scope::check_scope;
pub(crate) use self::sent::sent;
pub(crate) use self::spelling::spelled;
pub(crate) use self::store::{Condition, Store};
pub(crate) use self::told::Asked;

/// The S3 of `world`, for the HTTP layer.
pub(crate) fn service(world: &Arc<World>) -> S3Service {
    let mut builder = builder(world);
    builder.set_route(anew::Anew {
        service: self::builder(world).build(),
    });
    builder.build()
}

fn builder(world: &Arc<World>) -> S3ServiceBuilder {
    let mut builder = S3ServiceBuilder::new(front::Front {
        world: Arc::clone(world),
    });
    builder.set_auth(access::Secrets {
        world: Arc::clone(world),
    });
    builder.set_access(access::Gate {
        world: Arc::clone(world),
    });
    builder
}
