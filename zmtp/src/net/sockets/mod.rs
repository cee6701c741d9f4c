//! One file per socket type, or pair of types.

pub(super) mod dealer;
pub(super) mod pair;
pub(super) mod pipeline;
pub(super) mod publish;
pub(super) mod reply;
pub(super) mod request;
pub(super) mod router;
pub(super) mod subscribe;

/// The methods that every socket has: opening, listening, dialling, watching, closing.
/// RFC 37: "All sockets SHALL accept connections (binding to an address) and make connections." What they may do
/// beside is a question of types: a PUB and a PUSH "SHALL only send messages", a SUB and a PULL "SHALL only receive
/// messages".
macro_rules! common_methods {
    ($socket:ident) => {
        impl $socket {
            /// A socket that listens at one endpoint. A dropped future leaves nothing behind.
            ///
            /// # Errors
            /// When the address is in use, cannot be resolved, or may not be used.
            pub async fn bind(
                endpoint: &$crate::Endpoint,
                options: $crate::Options,
            ) -> Result<Self, $crate::BindError> {
                let socket = Self::new(options);
                socket.listen(endpoint).await?;
                Ok(socket)
            }

            /// A socket that connects to one endpoint, now or as soon as somebody listens there. Returns at once.
            /// Who must see every event makes the socket with `new`, asks for its `events`, and then dials: what happens
            /// before [`Self::events`] is called is not told.
            pub fn connect(endpoint: &$crate::Endpoint, options: $crate::Options) -> Self {
                let socket = Self::new(options);
                socket.dial(endpoint);
                socket
            }

            /// Listens at a further endpoint; returns it with its real port. A dropped future does not listen.
            ///
            /// # Errors
            /// When the address is in use, cannot be resolved, or may not be used.
            pub async fn listen(
                &self,
                endpoint: &$crate::Endpoint,
            ) -> Result<$crate::Endpoint, $crate::BindError> {
                self.handle.listen(endpoint).await
            }

            /// Connects to a further endpoint, and again whenever the connection is lost. Names are resolved at
            /// every attempt.
            pub fn dial(&self, endpoint: &$crate::Endpoint) {
                self.handle.dial(endpoint.clone());
            }

            /// Stops listening at an endpoint, named as it was given or with its real port: libzmq's unbind. Connections
            /// that came in there go on. False when the socket does not listen there. A future that was polled once and dropped stops
            /// it all the same.
            pub async fn unlisten(&self, endpoint: &$crate::Endpoint) -> bool {
                self.handle.unlisten(endpoint).await
            }

            /// Ends the connection to a dialled endpoint, and does not come back: libzmq's disconnect. What is queued there
            /// is sent first, for at most `linger`. False when the socket does not dial it.
            pub fn hang_up(&self, endpoint: &$crate::Endpoint) -> bool {
                self.handle.hang_up(endpoint)
            }

            /// The endpoint of the last successful listen, with its real port.
            pub fn local_endpoint(&self) -> Option<$crate::Endpoint> {
                self.handle.local_endpoint()
            }

            /// What happens to the connections of this socket from now on.
            pub fn events(&self) -> $crate::Events {
                self.handle.events()
            }

            /// Closes the socket: sends what is queued, for at most `linger`, and waits until all connections have
            /// ended. Dropping the socket, or this future, does the same in the background.
            pub async fn close(self) {
                self.handle.close().await;
            }
        }
    };
}
pub(super) use common_methods;
